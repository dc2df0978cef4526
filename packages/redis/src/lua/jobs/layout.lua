-- One job store. What a job is made of, and where each part lies:
--
--   body     created (11 hex digits) + head + NUL + rest; written once, kept until the record goes
--   head     priority (one character, the higher the earlier) + settings + ';' + type: what a settle must know
--   rest     ['d' due ';' sequence ';'] ['e' expires ';'] ['x' extras NUL] payload: the first three only where they are
--   change   attempt,failures,crashes,due,sequence,fence,ghost,flags|error: only of a job that came back or was moved
--   held     fence (16 digits) + due (11 hex digits) + head: under the worker that runs it
--   ending   state finished,started,attempt,failures,crashes,fence,due;reason NUL result NUL error
--   entry    due (11 hex digits) + id, in the list of its priority and type, in due order
--   delayed  sequence (10 hex digits) + priority + id + NUL + type, by due
--   counter  letter + type: c, f, x ended so far; d ms they ran; p pending beyond the entries of the type's lists: the delayed ones, less the entries
--            left behind. So a job that is inserted, or claimed, changes no counter of pending ones. r running: with what is known of claims
--
-- An entry counts only while it names the due its job has now. So what is moved, cancelled or discarded out of the middle of a list
-- leaves its entry behind as a ghost, and costs no search; a job that has one remembers that due, and gets a later one.
local FAR = 9007199254740991

-- Due instants are milliseconds, with a fraction where they were delayed: never early, and no later than asked for.
local function after(ms)
  return ms == 0 and now or math.min(now_us / 1000 + ms, FAR)
end

local function exact(ms)
  return ms == math.floor(ms) and whole(ms) or format('%.3f', ms)
end

local function hex(ms)
  return format('%011x', ms)
end

-- Types that have something to claim since this script began; those who wait are told at its end, by wake_out().
local woken = {}

-- Counters, written once at the end of a script, by tally_out().
local tally = {}
local function count(letter, type, by)
  local field = letter .. type
  tally[field] = (tally[field] or 0) + by
end

local function tally_out()
  local freed
  for field, by in pairs(tally) do
    local letter = sub(field, 1, 1)
    local key = letter == 'r' and K_CLAIMS or K_COUNTS
    if by ~= 0 then redis.call(letter == 'd' and 'HINCRBYFLOAT' or 'HINCRBY', key, field, by) end
    if by < 0 and letter == 'r' then
      freed = freed or {}
      freed[#freed + 1] = sub(field, 2)
    end
  end
  -- types of which somebody was refused a place look anew when one is free again
  if not freed or redis.call('EXISTS', K_LIMITED) == 0 then return end
  for i = 1, #freed do
    if redis.call('HDEL', K_LIMITED, freed[i]) == 1 then woken[freed[i]] = true end
  end
end

local function wake_out()
  if next(woken) == nil then return end
  local hubs = redis.call('EXISTS', K_HUBS) == 1
  for type in pairs(woken) do tell(type, hubs) end
end

-- Moves what has come due behind what is ready already, so that the lists stay in due order.
local function move_due(most)
  local due = redis.call('ZRANGEBYSCORE', K_DELAYED, '-inf', exact(now_us / 1000), 'WITHSCORES', 'LIMIT', 0, most)
  if #due == 0 then return end
  local lists = {}
  for i = 1, #due, 2 do
    local member = due[i]
    local zero = find(member, '\0', 12, true)
    local priority, type = sub(member, 11, 11), sub(member, zero + 1)
    local list = lists[priority .. type]
    if not list then
      list = {}
      lists[priority .. type] = list
      offer(type, priority)
      woken[type] = true
    end
    list[#list + 1] = hex(math.floor(due[i + 1])) .. sub(member, 12, zero - 1)
    count('p', type, -1)
  end
  redis.call('ZREMRANGEBYRANK', K_DELAYED, 0, #due / 2 - 1)
  for name, entries in pairs(lists) do redis.call('RPUSH', K_READY .. name, unpack(entries)) end
end

local function next_sequences(many)
  return redis.call('INCRBY', K_SEQUENCE, many) - many
end

-- While something is delayed the hash of priorities has a field of no type: one look at it tells that nothing is to do.
local function mark_delayed()
  redis.call('HSET', K_PRIORITIES, '', 1)
end
