-- Inserts up to 1,000 jobs, each one or not at all: an id that is there, or remembered, changes nothing. A call leaves its
-- answer behind for a while, so that it can be sent again when that was lost. When memory is full nothing is inserted.
-- The caller names each id once.
--
-- KEYS[1]  base of the job store
-- ARGV     four digits as insert-one.lua takes them; number of jobs; their ids; then what they are, in the same order, as runs of
--            'n', head, number, and of each its rest: due now, never expiring
--            's', head, when due ('', '+ms', '@instant'), when it expires (likewise), rest: one job
--          then where to leave the answer, the call's own mark, ms to leave it there
-- Returns '' when all were inserted, else one digit a job: 1 inserted, 0 exists.
local call, mark = K_CALLS .. ARGV[#ARGV - 2], ARGV[#ARGV - 1]
if sub(ARGV[1], 2, 2) == '1' then
  local left = redis.call('GET', call)
  if left and sub(left, 1, #mark) == mark then return sub(left, #mark + 1) end
end
local many = tonumber(ARGV[2])
local known = redis.call('HMGET', K_BODIES, unpack(ARGV, 3, many + 2))
local ids = { unpack(ARGV, 3, many + 2) }
local buckets = redis.call('ZRANGEBYSCORE', K_BUCKETS, '(' .. now, '+inf')
if #buckets > 0 then mark_remembered(buckets, ids, many, known) end

local bodies, lists, delayed, expiring = {}, {}, {}, {}
local created = hex(now)

local function instant(spec)
  local given = tonumber(sub(spec, 2))
  if sub(spec, 1, 1) == '+' then return after(given) end
  return math.max(math.min(given, FAR), 0)
end

-- Of a head: its type, priority and, while nothing is delayed, its list.
local heads = {}
local function head_of(text)
  local head = heads[text]
  if not head then
    local type = sub(text, find(text, ';', 2, true) + 1)
    head = { text = text, type = type, priority = sub(text, 1, 1) }
    heads[text] = head
  end
  return head
end

local function ready(head)
  local name = head.priority .. head.type
  local list = lists[name]
  if not list then
    list = { head = head }
    lists[name] = list
  end
  return list
end

local i, at = 1, many + 3
while i <= many do
  local text = ARGV[at + 1]
  local head = head_of(text)
  if ARGV[at] == 'n' then
    local run = tonumber(ARGV[at + 2])
    local prefix, list = created .. text .. '\0', ready(head)
    for k = 1, run do
      if not known[i] then
        bodies[#bodies + 1] = ids[i]
        bodies[#bodies + 1] = prefix .. ARGV[at + 2 + k]
        list[#list + 1] = created .. ids[i]
      end
      i = i + 1
    end
    at = at + 3 + run
  else
    if not known[i] then
      local id, when, expires, rest = ids[i], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
      local due = when == '' and now or instant(when)
      if expires ~= '' then
        expires = whole(math.ceil(instant(expires)))
        rest = 'e' .. expires .. ';' .. rest
        expiring[#expiring + 1] = expires
        expiring[#expiring + 1] = id
      end
      if due > now_us / 1000 then
        delayed[#delayed + 1] = { id = id, head = head, due = due, rest = rest, at = #bodies }
        bodies[#bodies + 1] = id
        bodies[#bodies + 1] = ''
        count('p', head.type, 1)
      else
        local list = ready(head)
        list[#list + 1] = created .. id
        bodies[#bodies + 1] = id
        bodies[#bodies + 1] = created .. text .. '\0' .. rest
      end
    end
    i = i + 1
    at = at + 5
  end
end
if #bodies > 0 then
  local earliest
  if #delayed > 0 then
    local first = next_sequences(#delayed)
    local members = {}
    for k = 1, #delayed do
      local job = delayed[k]
      local sequence = format('%010x', first + k)
      bodies[job.at + 2] = created .. job.head.text .. '\0d' .. exact(job.due) .. ';' .. sequence .. ';' .. job.rest
      members[#members + 1] = exact(job.due)
      members[#members + 1] = sequence .. job.head.priority .. job.id .. '\0' .. job.head.type
    end
    redis.call('HSET', K_BODIES, unpack(bodies))
    earliest = redis.call('ZRANGE', K_DELAYED, 0, 0)[1]
    redis.call('ZADD', K_DELAYED, unpack(members))
    mark_delayed()
    local now_earliest = redis.call('ZRANGE', K_DELAYED, 0, 0)[1]
    -- a sleeper must learn of a due moment before the one it knows
    if now_earliest ~= earliest then woken[sub(now_earliest, find(now_earliest, '\0', 12, true) + 1)] = true end
  else
    redis.call('HSET', K_BODIES, unpack(bodies))
  end
  local fields, ready_lists = { '' }, {}
  for name, list in pairs(lists) do
    if #list > 0 then
      ready_lists[#ready_lists + 1] = name
      fields[#fields + 1] = list.head.type
    end
  end
  local offered = redis.call('HMGET', K_PRIORITIES, unpack(fields))
  -- what is due goes first; it changes what was just read
  if offered[1] then
    move_due(1000)
    offered = {}
  end
  for k, name in ipairs(ready_lists) do
    local list = lists[name]
    redis.call('RPUSH', K_READY .. name, unpack(list))
    -- of two lists of one type the second one reads anew what the first has changed
    local known
    if #ready_lists == 1 then known = offered[2] end
    offer(list.head.type, list.head.priority, known)
    woken[list.head.type] = true
  end
  if #expiring > 0 then redis.call('ZADD', K_EXPIRY, unpack(expiring)) end
  tally_out()
  wake_out()
end
local answer = ''
if #bodies < many * 2 then
  for k = 1, many do known[k] = known[k] and '0' or '1' end
  answer = table.concat(known)
end
if #bodies > 0 then redis.call('SET', call, mark .. answer, 'PX', ARGV[#ARGV]) end
return answer
