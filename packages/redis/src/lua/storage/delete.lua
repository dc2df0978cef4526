-- KEYS[1]  base of the namespace
-- ARGV     ids
-- Returns how many existed.
local deleted = redis.call('HDEL', K_VALUES, unpack(ARGV))
redis.call('ZREM', K_IDS, unpack(ARGV))
redis.call('ZREM', K_PRUNE, unpack(ARGV))
return deleted
