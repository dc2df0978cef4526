-- Settles outcomes, then claims, in one step. An outcome counts only under the token of its claim: one of a dead worker, or for a job
-- that somebody else holds, is stale and changes nothing; one for a job that a living worker no longer holds was settled before. So a
-- call whose answer was lost is sent again as it is: its outcomes are ok, and what it claimed is given back at a heartbeat.
-- When memory is full settling and claiming still work, since they begin by deleting: a server that is full must be worked off.
--
-- KEYS[1]  base of the job store
-- ARGV     worker that claims, most jobs; number of its open claim (or empty); number and channel of this one, if it may stay open (or empty);
--          number of types; of each: name, most, most running (or -1);
--          then groups of outcomes: worker, fence, kind, number, and of each
--            'c' complete: id, ms, result     'r' retry: id, delay in ms, error     'f' fail: id, reason, error
--            'x' cancel: id, reason, ''       'l' release: id, '', ''               's' snooze: id, delay in ms, ''
-- Returns {one digit an outcome: 1 ok, 0 stale; fence of the claim; ms until the next is due; microseconds of the server's clock when this
-- claim stays open (or empty); then entry, body, change, repeated}.
local answers = {}

-- Of ids that are not held under their token: for each whether that is because it was settled before.
local function settled_before(worker, ids)
  local before = {}
  if not redis.call('ZSCORE', K_WORKERS, worker) then return before end
  for i = 1, #ids do before[ids[i]] = true end
  for _, set in ipairs({ K_WORKERS, K_DEAD }) do
    for _, other in ipairs(redis.call('ZRANGE', set, 0, -1)) do
      local held = redis.call('HMGET', K_HELD .. other, unpack(ids))
      for i = 1, #ids do
        if held[i] then before[ids[i]] = nil end
      end
    end
  end
  return before
end

local function settle(kind, id, held, change, first, second, body)
  local head = held.head
  count('r', head.type, -1)
  if kind == 'c' then
    change.attempt = change.attempt + 1
    count('d', head.type, tonumber(first))
    finish(id, 'c', head, change, '', second)
  elseif kind == 'f' or (kind == 'r' and change.failures >= head.retries) then
    change.attempt = change.attempt + 1
    change.failures = change.failures + 1
    change.error = second
    finish(id, 'f', head, change, kind == 'f' and first or 'error', '')
  elseif kind == 'x' then
    change.attempt = change.attempt + 1
    -- without a reason of its own it ends for the one that was asked with
    finish(id, 'x', head, change, first == '' and redis.call('HGET', K_CANCEL, id) or first, '')
  elseif kind == 'r' then
    change.attempt = change.attempt + 1
    change.failures = change.failures + 1
    change.error = second
    give_back(id, held, change, after(tonumber(first)), body)
  elseif kind == 's' then
    give_back(id, held, change, after(tonumber(first)), body)
  else
    give_back(id, held, change, nil, body)
  end
end

local function settle_group(at)
  local worker, fence, kind, many = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local ids = {}
  for i = 1, many do ids[i] = ARGV[at + 1 + i * 3] end
  local key = K_HELD .. worker
  local found = redis.call('HMGET', key, unpack(ids))
  local mine, others = {}, {}
  for i = 1, many do
    if found[i] and sub(found[i], 1, 16) == fence then
      mine[#mine + 1] = ids[i]
    else
      found[i] = false
      others[#others + 1] = ids[i]
    end
  end
  local before = #others > 0 and settled_before(worker, others) or {}
  local base = #answers
  for i = 1, many do answers[base + i] = (found[i] or before[ids[i]]) and '1' or '0' end
  if #mine == 0 then return end
  redis.call('HDEL', key, unpack(mine))
  local changes = has_changes and redis.call('HMGET', K_CHANGES, unpack(ids)) or {}
  local back = kind == 'r' or kind == 'l' or kind == 's'
  local bodies = back and redis.call('HMGET', K_BODIES, unpack(ids)) or {}
  -- released ones the last first: each is put in front of the one claimed after it
  local first, last, step = 1, many, 1
  if kind == 'l' then
    first, last, step = many, 1, -1
  end
  for i = first, last, step do
    local row = at + 1 + i * 3
    if found[i] and kind == 'c' and not changes[i] then
      finish_plain(ids[i], found[i], ARGV[row + 1], ARGV[row + 2])
    elseif found[i] then
      local held = read_held(found[i])
      settle(kind, ids[i], held, change_after(held, changes[i]), ARGV[row + 1], ARGV[row + 2], bodies[i])
    end
  end
  if redis.call('EXISTS', K_CANCEL) == 1 then redis.call('HDEL', K_CANCEL, unpack(mine)) end
end

local wanted, at = {}, 7
for _ = 1, tonumber(ARGV[6]) do
  wanted[#wanted + 1] = { name = ARGV[at], most = tonumber(ARGV[at + 1]), active = tonumber(ARGV[at + 2]) }
  at = at + 3
end
if at <= #ARGV then
  has_changes = redis.call('EXISTS', K_CHANGES) == 1
  while at <= #ARGV do
    settle_group(at)
    at = at + 4 + 3 * tonumber(ARGV[at + 3])
  end
end

local fence, jobs, due, open_since = '', {}, '', ''
if #wanted > 0 then
  -- nothing was deleted where all outcomes were stale, or there were none
  redis.call('HDEL', K_INFO, '')
  local limit = tonumber(ARGV[2])
  -- what it was handed is on its way, and takes one of the places
  if ARGV[3] ~= '' and end_wait(ARGV[1], ARGV[3]) then limit = limit - 1 end
  local open, delayed = open_types(wanted)
  fence, jobs = claim(ARGV[1], limit, open)
  due = next_due(open, delayed)
  if ARGV[4] ~= '' and due ~= '0' and #jobs < limit * 3 then
    open_since = wait_for(ARGV[1], ARGV[4], ARGV[5], wanted) and whole(now_us) or ''
  end
end
if MADE_ENDING then finish_out() end
tally_out()
wake_out()
return { table.concat(answers), fence, due, open_since, unpack(jobs) }
