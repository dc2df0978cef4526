-- Notes that the list of this priority and type is not empty. `known`: the type's priorities, where they were read already.
local function offer(type, priority, known)
  if known == nil then known = redis.call('HGET', K_PRIORITIES, type) end
  if not known then
    redis.call('HSET', K_PRIORITIES, type, priority)
  elseif not find(known, priority, 1, true) then
    local at = 1
    while at <= #known and sub(known, at, at) < priority do at = at + 1 end
    redis.call('HSET', K_PRIORITIES, type, sub(known, 1, at - 1) .. priority .. sub(known, at))
  end
end
