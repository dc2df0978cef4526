-- KEYS[1]  base of the job store
-- Returns the ids of all running jobs.
local ids = {}
for _, set in ipairs({ K_WORKERS, K_DEAD }) do
  for _, worker in ipairs(redis.call('ZRANGE', set, 0, -1)) do
    for _, id in ipairs(redis.call('HKEYS', K_HELD .. worker)) do ids[#ids + 1] = id end
  end
end
return ids
