-- Sets the end of this consumer's live leases. One that has ended stays ended, even if nobody has claimed the id since.
--
-- KEYS     see queue.lua
-- ARGV     consumer, lease in ms; then id, receipt (or empty), repeated
-- Returns one digit an item: 0 when its lease is gone.
local consumer = ARGV[1]
local ends = whole(math.min(now_us + tonumber(ARGV[2]) * 1000, FAR))
local answers = {}
for i = 3, #ARGV, 2 do
  local id, receipt = ARGV[i], ARGV[i + 1]
  local stored = lease_end(id) > now_us and redis.call('HGET', K_RECEIPTS, id)
  local space = stored and string.find(stored, ' ', 1, true)
  if
    stored
    and string.sub(stored, space + 1) == consumer
    and (receipt == '' or string.sub(stored, 1, space - 1) == receipt)
  then
    redis.call('ZADD', K_LEASED, ends, id)
    answers[#answers + 1] = '1'
  else
    answers[#answers + 1] = '0'
  end
end
return table.concat(answers)
