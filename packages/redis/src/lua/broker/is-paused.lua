-- KEYS     see queue.lua
-- Returns 1 while the queue is paused, else 0.
return redis.call('EXISTS', K_PAUSED)
