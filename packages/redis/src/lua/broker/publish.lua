-- Makes each id claimable after its delay. One entry an id: of a waiting or delayed one the earlier due and the higher priority win;
-- one under a live lease is left alone. Works while paused. Repeating the call changes nothing.
--
-- KEYS     see queue.lua
-- ARGV     id, delay in ms, priority; repeated
local count = #ARGV / 3
local ids, entries = {}, {}
for i = 1, count do ids[i] = ARGV[i * 3 - 2] end
local stored = redis.call('HMGET', K_ENTRIES, unpack(ids))
for i = 1, count do entries[ids[i]] = stored[i] or nil end
local first = numbers(count)
local head = redis.call('ZRANGE', K_DELAYED, 0, 0)[1]
local ready = false

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
