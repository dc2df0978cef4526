-- Takes the lock for one owner, or renews it for the one who holds it. One of any number of racing owners gets it. The token only
-- grows per key: the row stays for a day after the lease, and the clock carries the token on beyond that.
-- The caller guards what the lock protects with the token; a lock that ended while its owner slept proves nothing.
--
-- KEYS[1]  the lock
-- ARGV     owner, ttl in ms, ms to keep the row after the lease
-- Returns the token, or nothing while another owner's lease is live.
local owner, ttl, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = micros()
local row = redis.call('HMGET', KEYS[1], 'owner', 'until', 'token')
local live = row[1] and tonumber(row[2]) > now
if live and row[1] ~= owner then return false end

local token = tonumber(row[3] or 0)
if not live then token = math.max(token + 1, now) end
local ends = now + ttl * 1000
redis.call('HSET', KEYS[1], 'owner', owner, 'until', whole(ends), 'token', whole(token))
redis.call('PEXPIREAT', KEYS[1], whole(math.min(ends / 1000 + keep, 9000000000000000)))
return whole(token)
