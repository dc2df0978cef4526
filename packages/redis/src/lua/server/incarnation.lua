-- What the server answers as long as it has kept its data: it goes with everything else when the data does.
--
-- KEYS[1]  the incarnation
-- ARGV     what it becomes where there is none
local known = redis.call('GET', KEYS[1])
if known then return known end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
