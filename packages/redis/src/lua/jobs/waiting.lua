-- Claims that stay open: a claim that left room is noted, with the channel on which its process listens, until the worker's next claim or a wake of
-- one of its types. A job that comes alone meanwhile, and that nothing waits before, is claimed for it on the spot and published to it
-- (insert-one.lua): nobody has to be woken to ask for it. A channel that nobody listens on ends the wait.
--
--   claims    hash: 'w' + worker → number of the claim, an instant before which its lease does not end, and channel, or empty: it waits no more;
--             't' + worker → its types, each ending in NUL; 'h' + worker → number of the last claim that was handed something; '' → the last fence of all claims;
--             'r' + type → how many run, here because a job that is handed over changes all of these at once
--   takers    set per type: workers whose open claims take it; who no longer waits is left in until somebody looks. The latest of them is named among
--             the priorities as well, which an insert reads anyway
--
-- Returns false when it cannot wait: its lease is over.
local function wait_for(worker, number, channel, wanted)
  local ends = redis.call('ZSCORE', K_WORKERS, worker)
  if not ends or ends * 1000 <= now_us then return false end
  local types, latest = {}, {}
  for i = 1, #wanted do
    if wanted[i].active < 0 then
      types[#types + 1] = wanted[i].name .. '\0'
      redis.call('SADD', K_TAKERS .. wanted[i].name, worker)
      latest[#latest + 1] = '\0t' .. wanted[i].name
      latest[#latest + 1] = worker
    end
  end
  if #latest > 0 then redis.call('HSET', K_PRIORITIES, unpack(latest)) end
  redis.call('HSET', K_CLAIMS, 'w' .. worker, number .. ' ' .. ends .. ' ' .. channel, 't' .. worker, table.concat(types))
  return true
end

-- Its lease may end earlier than it did.
local function wait_until(worker, ends)
  local waiting = redis.call('HGET', K_CLAIMS, 'w' .. worker)
  if not waiting or waiting == '' then return end
  local number, channel = string.match(waiting, '^(%S+) %S+ (.*)$')
  redis.call('HSET', K_CLAIMS, 'w' .. worker, number .. ' ' .. ends .. ' ' .. channel)
end

-- Returns true when the claim of this number was handed a job.
local function end_wait(worker, number)
  redis.call('HDEL', K_CLAIMS, 'w' .. worker)
  return redis.call('HGET', K_CLAIMS, 'h' .. worker) == number
end

local function forget_waiting(worker)
  local types = redis.call('HGET', K_CLAIMS, 't' .. worker)
  if not types then return end
  for type in string.gmatch(types, '(%Z+)%z') do
    redis.call('SREM', K_TAKERS .. type, worker)
    redis.call('HDEL', K_PRIORITIES, '\0t' .. type)
  end
  redis.call('HDEL', K_CLAIMS, 'w' .. worker, 't' .. worker, 'h' .. worker)
end
