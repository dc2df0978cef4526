-- Of each type that may have ready jobs: {type, its priorities, entries in their lists}.
local function listed_types()
  local stored = redis.call('HGETALL', K_PRIORITIES)
  local types = {}
  for i = 1, #stored, 2 do
    local type, priorities = stored[i], stored[i + 1]
    -- none of the marks
    if type ~= '' and string.sub(type, 1, 1) ~= '\0' then
      local entries = 0
      for at = 1, #priorities do
        entries = entries + redis.call('LLEN', K_READY .. string.sub(priorities, at, at) .. type)
      end
      types[#types + 1] = { type, priorities, entries }
    end
  end
  return types
end
