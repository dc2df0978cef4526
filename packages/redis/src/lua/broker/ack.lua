-- Removes ids. With a receipt only while it proves the live lease, so that a late worker never removes somebody else's claim.
--
-- KEYS     see queue.lua
-- ARGV     id, receipt (or empty); repeated
-- Returns one digit an item: 0 when its lease is gone.
local ids = {}
for i = 1, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local ends = redis.call('ZMSCORE', K_LEASED, unpack(ids))
local receipts = redis.call('HMGET', K_RECEIPTS, unpack(ids))
local answers, acked, is_gone = {}, {}, {}
for i = 1, #ids do
  local id, receipt = ids[i], ARGV[i * 2]
  if receipt == '' then
    remove(id)
    answers[i], is_gone[id] = '1', true
  elseif
    ends[i]
    and tonumber(ends[i]) > now_us
    and receipts[i]
    and string.sub(receipts[i], 1, #receipt + 1) == receipt .. ' '
    and not is_gone[id]
  then
    acked[#acked + 1] = id
    answers[i], is_gone[id] = '1', true
  else
    answers[i] = '0'
  end
end
-- what is leased lies nowhere else
if #acked > 0 then
  redis.call('ZREM', K_LEASED, unpack(acked))
  redis.call('HDEL', K_RECEIPTS, unpack(acked))
  redis.call('HDEL', K_ENTRIES, unpack(acked))
end
freed()
return table.concat(answers)
