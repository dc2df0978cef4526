-- Leases ids in order to one consumer, those whose lease has ended among them. Two claims never get one id; while the queue is paused
-- nothing is given. Each id gets a receipt of its own.
--
-- A claim with a number stays open when it leaves room: publish.lua may hand it one id. What the claim before it was handed without having heard
-- of it is given first, behind that claim's number.
--
-- KEYS     see queue.lua
-- ARGV     consumer, most ids, lease in ms, strategy, most leased at once over the cluster (or -1). To stay open: number, channel, the last
--          number that was heard of
-- Returns id, receipt, deliveries, due in microseconds, repeated, as one text, divided by NUL, which no id has.
local consumer, limit, lease, strategy = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local most, number = tonumber(ARGV[5]), ARGV[6]
if number then redis.call('HDEL', K_OPEN, consumer) end
if redis.call('EXISTS', K_PAUSED) == 1 then return '' end

local answer = {}
local handed = number and redis.call('GET', K_HANDED .. consumer)
if handed then
  redis.call('UNLINK', K_HANDED .. consumer)
  local before, receipt, id = string.match(handed, '^(%S+) (%S+) (.*)$')
  if before ~= ARGV[8] and holds(id, receipt) then
    local _, due, _, deliveries = decode(redis.call('HGET', K_ENTRIES, id))
    answer = { before, id, receipt, deliveries, whole(due) }
    limit = limit - 1
  end
end

local function surface(set, bound)
  local members = redis.call('ZRANGEBYSCORE', set, '-inf', bound, 'LIMIT', 0, 1000)
  if #members == 0 then return end
  local leased = set == K_LEASED
  local ids = {}
  for i = 1, #members do ids[i] = leased and members[i] or string.sub(members[i], 15) end
  local entries = redis.call('HMGET', K_ENTRIES, unpack(ids))
  redis.call('ZREM', set, unpack(members))
  if leased then redis.call('HDEL', K_RECEIPTS, unpack(ids)) end
  for i = 1, #ids do
    if entries[i] then
      local priority, due, seq = decode(entries[i])
      put(ids[i], priority, due, seq)
    end
  end
end
surface(K_DELAYED, whole(now_us))
surface(K_LEASED, whole(now_us))

local room = limit
if most >= 0 then
  room = math.min(limit, most - redis.call('ZCARD', K_LEASED))
  if room < limit and redis.call('ZCARD', K_BY_DUE) > math.max(room, 0) then redis.call('SET', K_LIMITED, 1) end
end
if room <= 0 then return table.concat(answer, '\0') end

local members
if strategy == 'priority' then
  members = redis.call('ZRANGE', K_BY_PRIORITY, 0, room - 1)
elseif strategy == 'fifo' then
  members = redis.call('ZRANGE', K_BY_DUE, 0, room - 1)
else
  members = redis.call('ZREVRANGE', K_BY_DUE, 0, room - 1)
end
if number and #members < room then
  redis.call('HSET', K_OPEN, consumer, number .. ' ' .. ARGV[3] .. ' ' .. ARGV[7])
  -- consumers that are gone stay in it where nothing is published; who waits longer is woken
  redis.call('PEXPIRE', K_OPEN, 3600000)
end
if #members == 0 then return table.concat(answer, '\0') end

local call = whole(numbers(1))
local ends = whole(math.min(now_us + lease * 1000, FAR))
local ids = {}
for i = 1, #members do ids[i] = string.sub(members[i], 15) end
local entries = redis.call('HMGET', K_ENTRIES, unpack(ids))
local leases, receipts, written = {}, {}, {}
for i = 1, #ids do
  local head, due, deliveries = string.match(entries[i], '^([^,]*,([^,]*),[^,]*,)(.*)$')
  local id, receipt, at = ids[i], call .. '.' .. i, i * 2
  deliveries = deliveries + 1
  answer[#answer + 1] = id .. '\0' .. receipt .. '\0' .. deliveries .. '\0' .. due
  leases[at - 1], leases[at] = ends, id
  receipts[at - 1], receipts[at] = id, receipt .. ' ' .. consumer
  written[at - 1], written[at] = id, head .. deliveries
end
redis.call('ZREM', K_BY_PRIORITY, unpack(members))
redis.call('ZREM', K_BY_DUE, unpack(members))
redis.call('ZADD', K_LEASED, unpack(leases))
redis.call('HSET', K_RECEIPTS, unpack(receipts))
redis.call('HSET', K_ENTRIES, unpack(written))
-- this look was for one; somebody else may take the rest
if redis.call('ZCARD', K_BY_DUE) > 0 and redis.call('ZCARD', KEYS[3]) > 1 then wake(KEYS[2], KEYS[3]) end
return table.concat(answer, '\0')
