-- KEYS     see queue.lua
-- ARGV     ids
-- Returns one digit an id: 1 when it is waiting, delayed or leased.
local answers = redis.call('HMGET', K_ENTRIES, unpack(ARGV))
for i = 1, #ARGV do answers[i] = answers[i] and '1' or '0' end
return table.concat(answers)
