-- Renews one worker's lease, and with it every claim it holds. What the store holds for it and it does not hold is given back, attempt
-- included: its claim's answer was lost. Younger claims than the grace are left alone, as their answer may be under way.
-- The caller names everything it holds, and what it is just claiming is young.
--
-- KEYS[1]  base of the job store
-- ARGV     worker, lease in ms, phase (join, active or leave), grace in ms, info (or empty), then id, fence of each held job
-- Returns {1 when the worker is alive, else 0; number lost; the lost ids; the ids whose cancellation was asked for}.
local worker, phase, grace = ARGV[1], ARGV[3], tonumber(ARGV[4])
local key = K_HELD .. worker
local ends = format('%.3f', math.min(now_us / 1000 + tonumber(ARGV[2]), FAR))

-- When memory is full the server refuses a script whose first write may take some, and a lease must not end by that: after one that deletes
-- (nothing) it takes it.
local function though_full(...)
  local answer = redis.pcall(...)
  if type(answer) ~= 'table' then return answer end
  redis.call('HDEL', K_INFO, '')
  return redis.call(...)
end

local alive
if phase == 'join' then
  alive = redis.call('ZSCORE', K_DEAD, worker) == false
  if alive then
    though_full('ZADD', K_WORKERS, ends, worker)
    wait_until(worker, ends)
  end
else
  -- the end has moved, unless there was none, or a later one
  alive = though_full('ZADD', K_WORKERS, 'XX', 'GT', 'CH', ends, worker) == 1
  if not alive and redis.call('ZSCORE', K_WORKERS, worker) then
    alive = true
    redis.call('ZADD', K_WORKERS, 'XX', ends, worker)
    wait_until(worker, ends)
  end
end

local lost, asked, mine = {}, {}, {}
local cancelling = #ARGV > 5 and redis.call('EXISTS', K_CANCEL) == 1
for from = 6, #ARGV, 2000 do
  local stop = math.min(from + 1999, #ARGV)
  local ids = {}
  for at = from, stop, 2 do ids[#ids + 1] = ARGV[at] end
  local found = redis.call('HMGET', key, unpack(ids))
  local reasons = cancelling and redis.call('HMGET', K_CANCEL, unpack(ids)) or {}
  for i = 1, #ids do
    if found[i] and sub(found[i], 1, 16) == ARGV[from + i * 2 - 1] then
      mine[ids[i]] = true
      if reasons[i] then asked[#asked + 1] = ids[i] end
    else
      lost[#lost + 1] = ids[i]
    end
  end
end

if alive then
  local leaving = phase == 'leave'
  if leaving then
    redis.call('ZREM', K_WORKERS, worker)
    redis.call('HDEL', K_INFO, worker)
    forget_waiting(worker)
  elseif ARGV[5] ~= '' then
    redis.call('HSET', K_INFO, worker, ARGV[5])
  end
  local held = redis.call('HLEN', key)
  for _ in pairs(mine) do held = held - 1 end
  if held > 0 or leaving then
    local unknown = last_first(redis.call('HGETALL', key), function(id, text)
      return leaving or (not mine[id] and sub(text, 1, 16) / 1000 + grace <= now_us / 1000)
    end)
    for i = 1, #unknown do
      local id, taken = unknown[i].id, read_held(unknown[i].held)
      redis.call('HDEL', key, id)
      count('r', taken.head.type, -1)
      local change = change_after(taken, redis.call('HGET', K_CHANGES, id))
      -- a worker that leaves names what it started: that may have run, so the attempt counts
      if mine[id] then change.attempt = change.attempt + 1 end
      if mine[id] and taken.head.once then
        finish(id, 'f', taken.head, change, 'crashed', '')
      else
        give_back(id, taken, change, nil, redis.call('HGET', K_BODIES, id))
      end
      redis.call('HDEL', K_CANCEL, id)
    end
    if MADE_ENDING then finish_out() end
    tally_out()
    wake_out()
  end
end
return { alive and 1 or 0, #lost, lost, asked }
