-- Tells those who wait for `list` to look. One waiter takes one token, so there is one for each hub that is alive, up to eight; a
-- list that still has tokens gets none, so that it never grows.
local function wake(list, hubs)
  if redis.call('EXISTS', list) == 1 then return end
  local waiting = math.min(redis.call('ZCARD', hubs), 8)
  if waiting == 0 then return end
  local tokens = {}
  for i = 1, waiting do tokens[i] = '1' end
  redis.call('RPUSH', list, unpack(tokens))
end
