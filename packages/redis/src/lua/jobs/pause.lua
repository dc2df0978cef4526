-- Pauses or resumes a type, for good and for every worker. Nothing else of it changes.
--
-- KEYS[1]  base of the job store
-- ARGV     type, 1 to pause or 0 to resume
if ARGV[2] == '1' then
  redis.call('HSET', K_PAUSED, ARGV[1], 1)
  -- from now on it is counted, also when it is resumed before its first job
  redis.call('HSETNX', K_COUNTS, 'p' .. ARGV[1], 0)
  redis.call('HSET', K_PRIORITIES, '\0p', 1)
else
  redis.call('HDEL', K_PAUSED, ARGV[1])
  if redis.call('EXISTS', K_PAUSED) == 0 then redis.call('HDEL', K_PRIORITIES, '\0p') end
  woken[ARGV[1]] = true
  wake_out()
end
