-- Gives leased ids back, due after a delay, with their priority; an immediate one goes behind its equals. With a receipt only while
-- it proves the live lease. Ids that nobody has leased stay as they are.
--
-- KEYS     see queue.lua
-- ARGV     id, delay in ms, receipt (or empty); repeated
-- Returns one digit an item: 0 when its lease is gone.
local answers, changed = {}, false
for i = 1, #ARGV, 3 do
  local id, delay, receipt = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  if receipt ~= '' and not holds(id, receipt) then
    answers[#answers + 1] = '0'
  else
    if redis.call('ZREM', K_LEASED, id) == 1 then
      redis.call('HDEL', K_RECEIPTS, id)
      local priority, _, _, deliveries = decode(redis.call('HGET', K_ENTRIES, id))
      local due, seq = due_after(delay), string.format('%014x', numbers(1))
      redis.call('HSET', K_ENTRIES, id, encode(priority, due, seq, deliveries))
      put(id, priority, due, seq)
      changed = true
    end
    answers[#answers + 1] = '1'
  end
end
if changed then
  redis.call('UNLINK', K_LIMITED)
  wake(KEYS[2], KEYS[3])
end
return table.concat(answers)
