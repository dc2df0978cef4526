-- KEYS[1]  base of the scope
-- ARGV     hub
redis.call('ZREM', K_HUBS, ARGV[1])
