-- Takes the lock for one owner, or renews it for the one who holds it. One of any number of racing owners gets it. The token only
-- grows per key: the row stays for a day after the lease, and the clock carries the token on beyond that.
-- The caller guards what the lock protects with the token; a lock that ended while its owner slept proves nothing.
--
-- KEYS[1]  the row: owner, token   KEYS[2]  the owner's lease, which ends by its own time to live
-- ARGV     owner, ttl in ms, ms to keep the row after the lease, the lease's key without the owner
-- Returns the token, or nothing while another owner's lease is live.
local owner, ttl, keep = ARGV[1], ARGV[2], tonumber(ARGV[3])
local row = redis.call('HMGET', KEYS[1], 'owner', 'token')
local live = row[1] and redis.call('EXISTS', ARGV[4] .. row[1]) == 1
if live and row[1] ~= owner then return false end

local token = row[2]
if not live then
  -- when memory is full the server refuses a script whose first write may take some
  redis.call('HDEL', KEYS[1], '')
  token = whole(math.max(tonumber(row[2] or 0) + 1, micros()))
  redis.call('HSET', KEYS[1], 'owner', owner, 'token', token)
end
redis.call('PEXPIRE', KEYS[1], whole(math.min(ttl + keep, 8000000000000)))
redis.call('SET', KEYS[2], 1, 'PX', ttl)
return token
