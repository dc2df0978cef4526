-- KEYS[1]  base of the job store
-- Returns {counters: letter + type, number, repeated; of each type in a list {type, its priorities, entries}; paused types}.
return { redis.call('HGETALL', K_COUNTS), listed_types(), redis.call('HKEYS', K_PAUSED) }
