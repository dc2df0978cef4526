-- Something of this type became claimable. Whose claim is open for it asks anew, for all its types, and is handed nothing meanwhile.
-- `hubs`: whether anybody else waits.
local function tell(type, hubs)
  local takers = redis.call('SMEMBERS', K_TAKERS .. type)
  if #takers > 0 then
    for i = 1, #takers do takers[i] = 'w' .. takers[i] end
    redis.call('HDEL', K_CLAIMS, unpack(takers))
    redis.call('UNLINK', K_TAKERS .. type)
  end
  if hubs then
    -- as keys.ts escapes it
    local part = string.gsub(type, '[%%:{}]', function(char) return format('%%%02X', string.byte(char)) end)
    wake(K_WAKES .. part, K_HUBS)
  end
end
