-- Deletes one bounded batch of records whose instant is before the given one. What a concurrent save has renewed is not among them:
-- the instant is looked at here, where it is written.
--
-- KEYS[1]  base of the namespace
-- ARGV     instant (epoch ms), most to delete
-- Returns how many were deleted; less than asked for means none are left.
local ids = redis.call('ZRANGEBYSCORE', K_PRUNE, '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
if #ids == 0 then return 0 end
redis.call('HDEL', K_VALUES, unpack(ids))
redis.call('ZREM', K_IDS, unpack(ids))
redis.call('ZREM', K_PRUNE, unpack(ids))
return #ids
