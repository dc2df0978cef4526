-- Sets the end of the owner's live lease, and how long the row stays; a lease that has ended stays ended, whether or not anybody took
-- the lock since.
--
-- KEYS[1]  the row: owner, token   KEYS[2]  the owner's lease
-- ARGV     ttl in ms, ms to keep the row after the lease
-- Returns 1 when renewed, else 0.
if redis.call('PEXPIRE', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('PEXPIRE', KEYS[1], whole(math.min(ARGV[1] + tonumber(ARGV[2]), 8000000000000)))
return 1
