-- Claims that stay open: a claim that left room is noted, with the channel on which its process listens, until the worker's next claim or a wake of
-- one of its types. A job that comes alone meanwhile, and that nothing waits before, is claimed for it on the spot and published to it
-- (insert-one.lua): nobody has to be woken to ask for it. A channel that nobody listens on ends the wait.
--
--   waiting   hash: 'w' + worker → number of the claim + ' ' + channel, or empty: it waits no more; 't' + worker → its types, each ending in NUL;
--             'h' + worker → number of the last claim that was handed something
--   takers    set per type: workers whose open claims take it; who no longer waits is left in until somebody looks
local function wait_for(worker, number, channel, wanted)
  local types = {}
  for i = 1, #wanted do
    if wanted[i].active < 0 then
      types[#types + 1] = wanted[i].name .. '\0'
      redis.call('SADD', K_TAKERS .. wanted[i].name, worker)
    end
  end
  redis.call('HSET', K_WAITING, 'w' .. worker, number .. ' ' .. channel, 't' .. worker, table.concat(types))
end

-- Returns true when the claim of this number was handed a job.
local function end_wait(worker, number)
  redis.call('HDEL', K_WAITING, 'w' .. worker)
  return redis.call('HGET', K_WAITING, 'h' .. worker) == number
end

local function forget_waiting(worker)
  local types = redis.call('HGET', K_WAITING, 't' .. worker)
  if not types then return end
  for type in string.gmatch(types, '(%Z+)%z') do redis.call('SREM', K_TAKERS .. type, worker) end
  redis.call('HDEL', K_WAITING, 'w' .. worker, 't' .. worker, 'h' .. worker)
end
