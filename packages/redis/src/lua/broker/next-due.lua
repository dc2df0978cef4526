-- KEYS     see queue.lua
-- Returns ms until time alone makes something claimable, as text; 0 when something is; nothing when never, or paused.
if redis.call('EXISTS', K_PAUSED) == 1 then return false end
if redis.call('ZCARD', K_BY_DUE) > 0 then return '0' end
local soonest
local delayed = redis.call('ZRANGE', K_DELAYED, 0, 0, 'WITHSCORES')[2]
if delayed then soonest = tonumber(delayed) end
local leased = redis.call('ZRANGE', K_LEASED, 0, 0, 'WITHSCORES')[2]
if leased and (not soonest or tonumber(leased) < soonest) then soonest = tonumber(leased) end
if not soonest then return false end
return string.format('%.3f', math.max(0, (soonest - now_us) / 1000))
