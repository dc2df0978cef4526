-- Changes jobs by id, each as its state allows: see JobChange in the contract.
--
-- KEYS[1]  base of the job store
-- ARGV     the call's own name and ms to leave its answer there, so that it knows its own work when it is sent again; kind, reason or when
--          due ('+ms' or '@instant'), then up to 1,000 distinct ids
-- Returns one letter an id: o ok, m missing, r refused.
local left = redis.call('GET', K_CALLS .. ARGV[1])
if left then return left end
local kind, spec = ARGV[3], ARGV[4]
local ids = {}
for i = 5, #ARGV do ids[i - 4] = ARGV[i] end
local bodies = redis.call('HMGET', K_BODIES, unpack(ids))
local changes = redis.call('HMGET', K_CHANGES, unpack(ids))
local ended = redis.call('HMGET', K_ENDINGS, unpack(ids))
local running = {}
for _, set in ipairs({ K_WORKERS, K_DEAD }) do
  local workers = redis.call('ZRANGE', set, 0, -1)
  for i = 1, #workers do
    local held = redis.call('HMGET', K_HELD .. workers[i], unpack(ids))
    for k = 1, #ids do running[k] = running[k] or held[k] end
  end
end

local function wanted_due()
  local given = tonumber(sub(spec, 2))
  if sub(spec, 1, 1) == '+' then given = after(given) end
  return math.max(now, math.min(given, FAR))
end

local function cancel(id, i, head, change, due, sequence)
  if running[i] then
    -- Asked again without a reason: the one that was given stays.
    redis.call(spec == '' and 'HSETNX' or 'HSET', K_CANCEL, id, spec)
  else
    unqueue(id, head, change, due, sequence)
    finish(id, 'x', head, change, spec, '')
  end
end

-- Out of its ending: what it had counted, and where its ghost lies.
local function revive(id, i, head, change, expires)
  local state = sub(ended[i], 1, 1)
  local attempt, fence = string.match(ended[i], '^.[^,]*,[^,]*,([^,]*),[^,]*,[^,]*,([^,]*),')
  change.attempt, change.fence = tonumber(attempt), fence
  change.failures, change.crashes, change.error = 0, 0, ''
  if expires and expires <= now then change.flags = 'n' end
  redis.call('ZREM', K_KEPT .. state .. head.type, id)
  redis.call('HDEL', K_ENDINGS, id)
  make_pending(id, head, change, now, expires)
end

local function move(id, head, change, due, sequence, expires)
  unqueue(id, head, change, due, sequence)
  make_pending(id, head, change, kind == 'promote' and now or wanted_due(), expires)
end

local function discard(id, i, head, change, due, sequence)
  if ended[i] then
    redis.call('ZREM', K_KEPT .. sub(ended[i], 1, 1) .. head.type, id)
  else
    unqueue(id, head, change, due, sequence)
  end
  drop_records({ id })
  remember({ id }, math.max(head.remember, 2))
end

local answers = {}
for i = 1, #ids do
  local id, answer = ids[i], 'r'
  if not bodies[i] then
    answer = 'm'
  else
    local head, due, sequence, expires = open_body(bodies[i])
    local change = read_change(changes[i])
    local pending = not ended[i] and not running[i]
    if kind == 'cancel' and not ended[i] then
      cancel(id, i, head, change, due, sequence)
      answer = 'o'
    elseif kind == 'retry' and ended[i] and sub(ended[i], 1, 1) ~= 'c' then
      revive(id, i, head, change, expires)
      answer = 'o'
    elseif (kind == 'promote' or kind == 'reschedule') and pending then
      move(id, head, change, due, sequence, expires)
      answer = 'o'
    elseif kind == 'discard' and not running[i] then
      discard(id, i, head, change, due, sequence)
      answer = 'o'
    end
  end
  answers[i] = answer
end
if MADE_ENDING then finish_out() end
tally_out()
wake_out()
local answer = table.concat(answers)
redis.call('SET', K_CALLS .. ARGV[1], answer, 'PX', ARGV[2])
return answer
