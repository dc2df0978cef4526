-- Replaces whole records; the last writer wins. All of the call or, out of memory, none.
--
-- KEYS[1]  base of the namespace
-- ARGV     id, `rev;value`, instant for prune (or empty); repeated
local values, ids, dated, undated = {}, {}, {}, {}
for i = 1, #ARGV, 3 do
  local id, prune = ARGV[i], ARGV[i + 2]
  values[#values + 1] = id
  values[#values + 1] = ARGV[i + 1]
  ids[#ids + 1] = 0
  ids[#ids + 1] = id
  if prune == '' then
    undated[#undated + 1] = id
  else
    dated[#dated + 1] = prune
    dated[#dated + 1] = id
  end
end
redis.call('HSET', K_VALUES, unpack(values))
redis.call('ZADD', K_IDS, unpack(ids))
-- one after the other, so that the last of two writes of one id counts here too
if #undated > 0 then redis.call('ZREM', K_PRUNE, unpack(undated)) end
if #dated > 0 then redis.call('ZADD', K_PRUNE, unpack(dated)) end
