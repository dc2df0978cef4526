-- KEYS[1]  base of the job store
-- Returns {counters: letter + type, number, repeated; of each type in a list {type, its priorities, entries}; paused types}.
local counters, claims = redis.call('HGETALL', K_COUNTS), redis.call('HGETALL', K_CLAIMS)
for i = 1, #claims, 2 do
  if string.sub(claims[i], 1, 1) == 'r' then
    counters[#counters + 1] = claims[i]
    counters[#counters + 1] = claims[i + 1]
  end
end
return { counters, listed_types(), redis.call('HKEYS', K_PAUSED) }
