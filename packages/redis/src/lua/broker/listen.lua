-- Says that a hub waits for these queues, so that wakes are left for it, and tells when the next of them comes due.
--
-- KEYS[1]  base of the scope
-- ARGV     hub, ms it stays known, then the key base of each queue
-- Returns ms until a delay or lease ends, and which queue (counted from 1); nothing when none will.
local now_us = micros()
redis.call('ZREMRANGEBYSCORE', K_HUBS, '-inf', whole(now_us))
redis.call('ZADD', K_HUBS, whole(now_us + tonumber(ARGV[2]) * 1000), ARGV[1])
local soonest, which
for i = 3, #ARGV do
  local delayed = redis.call('ZRANGEBYSCORE', ARGV[i] .. S_DELAYED, '(' .. whole(now_us), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  local leased = redis.call('ZRANGEBYSCORE', ARGV[i] .. S_LEASED, '(' .. whole(now_us), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  local at = delayed and tonumber(delayed)
  if leased and (not at or tonumber(leased) < at) then at = tonumber(leased) end
  if at and (not soonest or at < soonest) then
    soonest, which = at, i - 2
  end
end
if not soonest then return false end
return { string.format('%.3f', (soonest - now_us) / 1000), which }
