-- KEYS[1]  the lock
-- ARGV     owner
-- Returns 1 while that owner's lease is live, else 0.
local row = redis.call('HMGET', KEYS[1], 'owner', 'until')
if row[1] == ARGV[1] and tonumber(row[2]) > micros() then return 1 end
return 0
