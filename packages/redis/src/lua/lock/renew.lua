-- Sets the end of the owner's live lease; one that has ended stays ended, whether or not anybody took the lock since.
--
-- KEYS[1]  the lock
-- ARGV     owner, ttl in ms, ms to keep the row after the lease
-- Returns 1 when renewed, else 0.
local owner, ttl, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = micros()
local row = redis.call('HMGET', KEYS[1], 'owner', 'until')
if row[1] ~= owner or tonumber(row[2]) <= now then return 0 end
local ends = now + ttl * 1000
redis.call('HSET', KEYS[1], 'until', whole(ends))
redis.call('PEXPIREAT', KEYS[1], whole(math.min(ends / 1000 + keep, 9000000000000000)))
return 1
