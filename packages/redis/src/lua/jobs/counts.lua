-- KEYS[1]  base of the job store
-- Returns {counters: letter + type, number, repeated; paused types}.
return { redis.call('HGETALL', K_COUNTS), redis.call('HKEYS', K_PAUSED) }
