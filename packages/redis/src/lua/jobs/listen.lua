-- Says that a hub waits for these types, so that wakes are left for it, and tells when the next of them comes due.
--
-- KEYS[1]  base of the job store
-- ARGV     hub, ms it stays known, then the types
-- Returns ms until a job of them is due, and which type (counted from 1); nothing when none is to come.
-- when memory is full the server refuses a script whose first write may take some
redis.call('ZREM', K_HUBS, '')
redis.call('ZADD', K_HUBS, whole(now_us + tonumber(ARGV[2]) * 1000), ARGV[1])
local types = {}
for i = 3, #ARGV do types[ARGV[i]] = i - 2 end
local soonest = redis.call('ZRANGEBYSCORE', K_DELAYED, '(' .. math.floor(now_us / 1000), '+inf', 'WITHSCORES', 'LIMIT', 0, 64)
for i = 1, #soonest, 2 do
  local which = types[string.sub(soonest[i], string.find(soonest[i], '\0', 12, true) + 1)]
  if which or i == 127 then
    return { string.format('%.3f', math.max(0, soonest[i + 1] - now_us / 1000)), which or 1 }
  end
end
return false
