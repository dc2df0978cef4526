-- One queue. An entry is `priority,due,seq,deliveries`, due in microseconds, and lies in exactly one place: waiting (in two sorted sets, by priority and by
-- due), delayed, or leased. A member of the waiting and delayed sets is seq + id, so that ties keep the publisher's order.
--
-- KEYS[1]  base of the queue   KEYS[2]  its wake list   KEYS[3]  the hubs of its scope
local now_us = micros()
-- more than any due millisecond until the year 2109, and 41 times it is an exact number
local BAND = 4398046511104
local FAR = 9007199254740991

local function due_after(delay)
  return math.min(math.ceil(now_us + delay * 1000), FAR)
end

-- Grows over restarts too, since it follows the clock.
local function numbers(count)
  local last = tonumber(redis.call('GET', K_SEQUENCE) or 0)
  local first = math.max(last + 1, now_us)
  redis.call('SET', K_SEQUENCE, whole(first + count - 1))
  return first
end

local function decode(text)
  local priority, due, seq, deliveries = string.match(text, '^([^,]*),([^,]*),([^,]*),(.*)$')
  return tonumber(priority), tonumber(due), seq, tonumber(deliveries)
end

local function encode(priority, due, seq, deliveries)
  return string.format('%d,%.0f,%s,%d', priority, due, seq, deliveries)
end

local function put(id, priority, due, seq)
  local member = seq .. id
  if due > now_us then
    redis.call('ZADD', K_DELAYED, whole(due), member)
  else
    redis.call('ZADD', K_BY_PRIORITY, whole((20 - priority) * BAND + math.floor(due / 1000)), member)
    redis.call('ZADD', K_BY_DUE, whole(due), member)
  end
end

local function take_out(id, seq)
  local member = seq .. id
  if redis.call('ZREM', K_BY_DUE, member) == 1 then
    redis.call('ZREM', K_BY_PRIORITY, member)
  elseif redis.call('ZREM', K_DELAYED, member) == 0 then
    redis.call('ZREM', K_LEASED, id)
    redis.call('HDEL', K_RECEIPTS, id)
  end
end

local function lease_end(id)
  return tonumber(redis.call('ZSCORE', K_LEASED, id) or 0)
end

-- Whether `receipt` proves the lease that is live now.
local function holds(id, receipt)
  if lease_end(id) <= now_us then return false end
  local stored = redis.call('HGET', K_RECEIPTS, id)
  return stored ~= false and string.sub(stored, 1, string.find(stored, ' ', 1, true) - 1) == receipt
end

-- A place under `maxActive` is free again: those who were refused one look anew.
local function freed()
  if redis.call('UNLINK', K_LIMITED) == 1 then wake(KEYS[2], KEYS[3]) end
end

local function remove(id)
  local entry = redis.call('HGET', K_ENTRIES, id)
  if not entry then return false end
  local _, _, seq = decode(entry)
  take_out(id, seq)
  redis.call('HDEL', K_ENTRIES, id)
  return true
end
