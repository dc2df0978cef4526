-- KEYS[1]  base of the job store
-- Returns {counters: letter + type, number, repeated; type, entries in its lists, repeated; paused types}.
local stored = redis.call('HGETALL', K_PRIORITIES)
local listed = {}
for i = 1, #stored, 2 do
  local type, priorities = stored[i], stored[i + 1]
  -- none of the marks
  if type ~= '' and string.sub(type, 1, 1) ~= '\0' then
    local entries = 0
    for at = 1, #priorities do
      entries = entries + redis.call('LLEN', K_READY .. string.sub(priorities, at, at) .. type)
    end
    listed[#listed + 1] = type
    listed[#listed + 1] = entries
  end
end
return { redis.call('HGETALL', K_COUNTS), listed, redis.call('HKEYS', K_PAUSED) }
