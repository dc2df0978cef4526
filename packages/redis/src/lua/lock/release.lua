-- Frees the lock if this owner holds it; never a foreign lease. The row stays for its token.
--
-- KEYS[1]  the lock
-- ARGV     owner
local row = redis.call('HMGET', KEYS[1], 'owner', 'until')
if row[1] == ARGV[1] and tonumber(row[2]) > micros() then
  redis.call('HDEL', KEYS[1], 'owner', 'until')
end
