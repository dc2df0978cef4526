-- Makes each id claimable after its delay. One entry an id: of a waiting or delayed one the earlier due and the higher priority win;
-- one under a live lease is left alone. Works while paused. Repeating the call changes nothing.
--
-- One that comes alone, and that nothing waits before, is leased on the spot to a consumer whose claim stayed open (claim.lua), and published to
-- its process: nobody has to be woken to ask for it. A channel that nobody listens on ends that claim.
--
-- KEYS     see queue.lua
-- ARGV     id, delay in ms, priority; repeated
local count = #ARGV / 3
local ids, entries = {}, {}
for i = 1, count do ids[i] = ARGV[i * 3 - 2] end
local stored = redis.call('HMGET', K_ENTRIES, unpack(ids))
for i = 1, count do entries[ids[i]] = stored[i] or nil end
local first = numbers(count)
local ready = false

local function is_due(set)
  local first = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')[2]
  return first and tonumber(first) <= now_us
end

local function hand_over(id, priority)
  if redis.call('EXISTS', K_OPEN) == 0 or redis.call('EXISTS', K_PAUSED) == 1 then return false end
  if redis.call('ZCARD', K_BY_DUE) > 0 or is_due(K_DELAYED) or is_due(K_LEASED) then return false end
  local due, seq, receipt = due_after(0), string.format('%014x', first), whole(first) .. '.1'
  for _ = 1, 8 do
    local consumer = redis.call('HRANDFIELD', K_OPEN)
    if not consumer then return false end
    local number, lease, channel = string.match(redis.call('HGET', K_OPEN, consumer), '^(%S+) (%S+) (.*)$')
    redis.call('HDEL', K_OPEN, consumer)
    -- refused where the user may not publish: then as if nobody listened
    local heard = tonumber(redis.pcall('PUBLISH', channel, table.concat({ number, id, receipt, 1, whole(due) }, '\0')))
    if heard and heard > 0 then
      redis.call('HSET', K_ENTRIES, id, encode(priority, due, seq, 1))
      redis.call('ZADD', K_LEASED, whole(math.min(now_us + lease * 1000, FAR)), id)
      redis.call('HSET', K_RECEIPTS, id, receipt .. ' ' .. consumer)
      redis.call('SET', K_HANDED .. consumer, number .. ' ' .. receipt .. ' ' .. id, 'PX', lease)
      return true
    end
  end
  return false
end
if count == 1 and not stored[1] and tonumber(ARGV[2]) == 0 and hand_over(ids[1], tonumber(ARGV[3])) then return end

local head = redis.call('ZRANGE', K_DELAYED, 0, 0)[1]

for i = 1, count do
  local id, due, priority = ids[i], due_after(tonumber(ARGV[i * 3 - 1])), tonumber(ARGV[i * 3])
  local seq, deliveries = string.format('%014x', first + i - 1), 0
  local old = entries[id]
  local leased = old and lease_end(id) > now_us
  if old and not leased then
    local old_priority, old_due
    old_priority, old_due, seq, deliveries = decode(old)
    due, priority = math.min(due, old_due), math.max(priority, old_priority)
    take_out(id, seq)
  end
  if not leased then
    entries[id] = encode(priority, due, seq, deliveries)
    redis.call('HSET', K_ENTRIES, id, entries[id])
    put(id, priority, due, seq)
    ready = ready or due <= now_us
  end
end
if ready or redis.call('ZRANGE', K_DELAYED, 0, 0)[1] ~= head then wake(KEYS[2], KEYS[3]) end
