-- How jobs end: the record is kept as its type wants it or goes, the id is remembered, the counters grow. Everything is collected by
-- finish() and written by finish_out(), once a script.
local gone, unchanged, endings, kept, remembered = {}, {}, {}, {}, {}

local function remember_later(id, ms)
  local ids = remembered[ms]
  if not ids then
    ids = {}
    remembered[ms] = ids
  end
  ids[#ids + 1] = id
end

-- `change.due`, `change.fence` and the counts are those of the ending; `started` is empty where it never ran.
local function finish(id, state, head, change, reason, result)
  local age, most = head.age[state], head.count[state]
  if age == 0 or most == 0 then
    gone[#gone + 1] = id
  else
    local started = change.fence ~= '' and whole(math.floor(change.fence / 1000)) or ''
    endings[#endings + 1] = id
    endings[#endings + 1] = format(
      '%s%.0f,%s,%d,%d,%d,%s,%s;%s\0%s\0%s',
      state,
      now,
      started,
      change.attempt,
      change.failures,
      change.crashes,
      change.fence,
      change.due,
      reason,
      result,
      change.error
    )
    local name = state .. head.type
    local set = kept[name]
    if not set then
      set = { most = most }
      kept[name] = set
    end
    set[#set + 1] = whole(math.min(now + (age or FAR), FAR))
    set[#set + 1] = id
    if change.ghost ~= '' then
      local due = change.due
      -- no entry names this due: a ghost is not taken for the job
      change.due = '-'
      write_change(id, change)
      change.due = due
    else
      unchanged[#unchanged + 1] = id
    end
  end
  remember_later(id, head.remember)
  count(state, head.type, 1)
end

-- The way of almost all jobs: done at the first attempt, never moved.
local plain = { attempt = 1, failures = 0, crashes = 0, due = '', fence = '', ghost = '', error = '' }
local function finish_plain(id, text, duration, result)
  local head = head_of(sub(text, 28))
  local type = head.type
  count('r', type, -1)
  if duration ~= '0' then count('d', type, tonumber(duration)) end
  if head.age.c == 0 or head.count.c == 0 then
    gone[#gone + 1] = id
    remember_later(id, head.remember)
    count('c', type, 1)
  else
    plain.fence = sub(text, 1, 16)
    plain.due = whole(tonumber(sub(text, 17, 27), 16))
    finish(id, 'c', head, plain, '', result)
  end
end

local function drop_records(ids)
  if #ids == 0 then return end
  redis.call('HDEL', K_BODIES, unpack(ids))
  redis.call('HDEL', K_ENDINGS, unpack(ids))
  if redis.call('EXISTS', K_CHANGES) == 1 then redis.call('HDEL', K_CHANGES, unpack(ids)) end
end

-- Keeps a set of finished jobs within its count; a bound that fell is reached in steps.
local function trim(name, most)
  local excess = redis.call('ZCARD', K_KEPT .. name) - most
  if excess <= 0 then return end
  local popped = redis.call('ZPOPMIN', K_KEPT .. name, math.min(excess, 1000))
  local ids = {}
  for i = 1, #popped, 2 do ids[#ids + 1] = popped[i] end
  drop_records(ids)
end

local function finish_out()
  if #gone > 0 then redis.call('HDEL', K_BODIES, unpack(gone)) end
  if redis.call('EXISTS', K_CHANGES) == 1 then
    if #gone > 0 then redis.call('HDEL', K_CHANGES, unpack(gone)) end
    if #unchanged > 0 then redis.call('HDEL', K_CHANGES, unpack(unchanged)) end
  end
  if #endings > 0 then redis.call('HSET', K_ENDINGS, unpack(endings)) end
  for name, set in pairs(kept) do
    if redis.call('ZADD', K_KEPT .. name, unpack(set)) > 0 then redis.call('SADD', K_KEPT_NAMES, name) end
    if set.most then trim(name, set.most) end
  end
  for ms, ids in pairs(remembered) do remember(ids, ms) end
end
