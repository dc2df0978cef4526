-- One bounded round: workers whose lease ended are declared dead; the jobs of dead workers go back, or fail when they died too often or
-- must never run twice; pending jobs that expired fail; finished ones past their age go, ids remembered long enough, and entries left
-- behind. Two at once do
-- no harm. A dead worker's claims count until its jobs are taken back, here.
--
-- KEYS[1]  base of the job store
-- ARGV     most jobs to touch, ms after the lease before a worker counts as dead, ms to keep the record of a dead worker
-- Returns {1 when there is more; recovered; crashed; expired; pruned; the workers declared dead}.
local left, grace, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local recovered, crashed, expired, pruned, more = 0, 0, 0, 0, false

local dead = redis.call('ZRANGEBYSCORE', K_WORKERS, '-inf', whole(math.floor(now_us / 1000 - grace)), 'LIMIT', 0, 100)
for i = 1, #dead do
  redis.call('ZREM', K_WORKERS, dead[i])
  redis.call('ZADD', K_DEAD, now, dead[i])
  forget_waiting(dead[i])
end

local function take_back(worker)
  local key = K_HELD .. worker
  local taken = last_first(redis.call('HSCAN', key, 0, 'COUNT', left)[2], function() return true end)
  for i = 1, math.min(#taken, left) do
    local id, held = taken[i].id, read_held(taken[i].held)
    redis.call('HDEL', key, id)
    count('r', held.head.type, -1)
    local change = change_after(held, redis.call('HGET', K_CHANGES, id))
    change.attempt = change.attempt + 1
    change.crashes = change.crashes + 1
    if held.head.once or change.crashes >= held.head.crashes then
      finish(id, 'f', held.head, change, 'crashed', '')
      crashed = crashed + 1
    else
      give_back(id, held, change, nil, redis.call('HGET', K_BODIES, id))
      recovered = recovered + 1
    end
    redis.call('HDEL', K_CANCEL, id)
    left = left - 1
  end
  return redis.call('EXISTS', key) == 0
end

local gone = redis.call('ZRANGE', K_DEAD, 0, -1, 'WITHSCORES')
for i = 1, #gone, 2 do
  if redis.call('EXISTS', K_HELD .. gone[i]) == 1 and (left <= 0 or not take_back(gone[i])) then
    more = true
  elseif tonumber(gone[i + 1]) + keep <= now then
    redis.call('ZREM', K_DEAD, gone[i])
    redis.call('HDEL', K_INFO, gone[i])
  end
end

local late = left > 0 and redis.call('ZRANGEBYSCORE', K_EXPIRY, '-inf', now, 'LIMIT', 0, left) or {}
for i = 1, #late do
  local id = late[i]
  local body = redis.call('HGET', K_BODIES, id)
  if body then
    local head, due, sequence = open_body(body)
    local change = read_change(redis.call('HGET', K_CHANGES, id))
    unqueue(id, head, change, due, sequence)
    finish(id, 'f', head, change, 'expired', '')
    expired = expired + 1
  else
    redis.call('ZREM', K_EXPIRY, id)
  end
  left = left - 1
end
if MADE_ENDING then finish_out() end

local names = redis.call('SMEMBERS', K_KEPT_NAMES)
for i = 1, #names do
  if left <= 0 then break end
  local key = K_KEPT .. names[i]
  local old = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, left)
  if #old > 0 then
    redis.call('ZREM', key, unpack(old))
    drop_records(old)
    pruned = pruned + #old
    left = left - #old
  end
  if redis.call('EXISTS', key) == 0 then redis.call('SREM', K_KEPT_NAMES, names[i]) end
end
pruned = pruned + forget()
if clean_lists() > 0 then more = true end
redis.call('ZREMRANGEBYSCORE', K_HUBS, '-inf', whole(now_us))
tally_out()
wake_out()
return { (more or left <= 0) and 1 or 0, recovered, crashed, expired, pruned, dead }
