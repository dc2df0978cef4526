-- The server's clock, in whole microseconds: the only clock that decides anything.
local function micros()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function whole(number)
  return string.format('%.0f', number)
end
