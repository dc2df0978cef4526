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
--
-- An entry counts only while it names the due its job has now. So what is moved, cancelled or discarded out of the middle of a list
-- leaves its entry behind as a ghost, and costs no search; a job that has one remembers that due, and gets a later one.
local now_us = micros()
local now = math.floor(now_us / 1000)
local FAR = 9007199254740991
local sub, find, format = string.sub, string.find, string.format

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

-- Settings, in the order in which job-codec.ts writes them; what is empty takes the default, '-' stands for no bound.
local heads = {}
local function head_of(text)
  local head = heads[text]
  if head then return head end
  local stop = find(text, ';', 2, true)
  local field = {}
  for part in string.gmatch(sub(text, 2, stop - 1) .. ',', '([^,]*),') do field[#field + 1] = part end
  local function number(at, default)
    local value = field[at]
    if value == nil or value == '' then return default end
    return tonumber(value)
  end
  local type = sub(text, stop + 1)
  head = {
    text = text,
    priority = sub(text, 1, 1),
    type = type,
    list = sub(text, 1, 1) .. type,
    retries = number(1, 0),
    crashes = number(2, D_CRASHES),
    once = field[3] == 'm',
    remember = number(4, D_REMEMBER),
    age = { c = number(5, D_AGE_C), x = number(7, D_AGE_X), f = number(9, D_AGE_F) },
    count = { c = number(6, D_COUNT_C), x = number(8, D_COUNT_X), f = number(10, D_COUNT_F) },
  }
  heads[text] = head
  return head
end

-- Of a body: its head, when it was first due, the sequence of that where it was delayed, and when it expires.
local function open_body(body)
  local zero = find(body, '\0', 12, true)
  local due, sequence, expires = nil, '', nil
  local at = zero + 1
  if sub(body, at, at) == 'd' then
    local stop = find(body, ';', at, true)
    due = tonumber(sub(body, at + 1, stop - 1))
    sequence = sub(body, stop + 1, stop + 10)
    at = stop + 12
  end
  if sub(body, at, at) == 'e' then
    expires = tonumber(sub(body, at + 1, find(body, ';', at, true) - 1))
  end
  return head_of(sub(body, 12, zero - 1)), due or tonumber(sub(body, 1, 11), 16), sequence, expires
end

-- Counters, written once at the end of a script: tally_out().
local tally = {}
local function count(letter, type, by)
  local field = letter .. type
  tally[field] = (tally[field] or 0) + by
end

local function tally_out()
  for field, by in pairs(tally) do
    if by ~= 0 then redis.call('HINCRBYFLOAT', K_COUNTS, field, by) end
  end
end

-- Types of which somebody was refused a place look anew when one is free again.
local woken = {}
local function freed_out()
  if redis.call('EXISTS', K_LIMITED) == 0 then return end
  for field, by in pairs(tally) do
    local type = sub(field, 2)
    if by < 0 and sub(field, 1, 1) == 'r' and redis.call('HDEL', K_LIMITED, type) == 1 then woken[type] = true end
  end
end

-- Types that have something to claim since this script began; those who wait are told at its end.
local function wake_out()
  if next(woken) == nil or redis.call('EXISTS', K_HUBS) == 0 then return end
  for type in pairs(woken) do
    -- as keys.ts escapes it
    local part = string.gsub(type, '[%%:{}]', function(char) return format('%%%02X', string.byte(char)) end)
    wake(K_WAKES .. part, K_HUBS)
  end
end

-- Notes that the list of this priority and type is not empty. `known`: the type's priorities, where they were read already.
local function offer(type, priority, known)
  if known == nil then known = redis.call('HGET', K_PRIORITIES, type) end
  if not known then
    redis.call('HSET', K_PRIORITIES, type, priority)
  elseif not find(known, priority, 1, true) then
    local at = 1
    while at <= #known and sub(known, at, at) < priority do at = at + 1 end
    redis.call('HSET', K_PRIORITIES, type, sub(known, 1, at - 1) .. priority .. sub(known, at))
  end
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
