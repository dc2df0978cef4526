-- Pauses or resumes the queue, for good. No claim that starts after this gives anything while paused.
--
-- KEYS     see queue.lua
-- ARGV     1 to pause, 0 to resume
if ARGV[1] == '1' then
  redis.call('SET', K_PAUSED, 1)
else
  redis.call('UNLINK', K_PAUSED)
  wake(KEYS[2], KEYS[3])
end
