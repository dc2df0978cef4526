-- Inserts up to 1,000 jobs of one head that are due now and never expire, each one or not at all, as insert.lua does: almost every
-- batch is of this kind. What is seldom needed is made where it is needed.
--
-- KEYS[1]  base of the job store
-- ARGV     four digits as insert-one.lua takes them, of all ids; head, number of jobs; their ids; their rests; where to leave the answer,
--          the call's own mark, ms to leave it there, if not every id is new for certain
-- Returns '' when all were inserted, else one digit a job: 1 inserted, 0 exists. Ids that are new for certain are there or remembered only
-- if this call was applied before.
local YES = 49
local fresh, again, second = string.byte(ARGV[1], 1, 3)
fresh, again, second = fresh == YES, again == YES, second == YES
local head, many = ARGV[2], tonumber(ARGV[3])
local place = 2 * many + 4
local priority, type = sub(head, 1, 1), sub(head, find(head, ';', 2, true) + 1)
local created = format('%011x', now)
local prefix = created .. head .. '\0'

if again and not fresh then
  local left, mark = redis.call('GET', K_CALLS .. ARGV[place]), ARGV[place + 1]
  if left and sub(left, 1, #mark) == mark then return sub(left, #mark + 1) end
end

local offered = redis.call('HMGET', K_PRIORITIES, '', type, '\0n')
local doubts, remembered = offered[3], {}
if not fresh or again or doubts then
  -- @doubts
  find_remembered({ unpack(ARGV, 4, many + 3) }, many, remembered)
end

local known = redis.call('HMGET', K_BODIES, unpack(ARGV, 4, many + 3))
local bodies, entries, inserted = {}, {}, 0
for i = 1, many do
  if known[i] or remembered[i] then
    known[i] = '0'
  else
    known[i] = '1'
    inserted = inserted + 1
    entries[inserted] = created .. ARGV[i + 3]
    bodies[inserted * 2 - 1] = ARGV[i + 3]
    bodies[inserted * 2] = prefix .. ARGV[many + 3 + i]
  end
end
local answer = inserted < many and not fresh and table.concat(known) or ''
if inserted == 0 then return answer end
redis.call('HSET', K_BODIES, unpack(bodies))

local is_offered = offered[2] and find(offered[2], priority, 1, true)
local hears = redis.call('EXISTS', K_HUBS) == 1
  -- in a name with other characters keys.ts escapes some
  and (find(type, '[^%w_.-]') or redis.call('EXISTS', K_WAKES .. type) == 0)
if offered[1] or (offered[2] and not is_offered) or hears or redis.call('EXISTS', K_TAKERS .. type) == 1 then
  -- @due
  -- what is due goes first; it changes what was just read
  if offered[1] then
    move_due(1000)
    offered[2] = redis.call('HGET', K_PRIORITIES, type)
  end
  woken[type] = true
  offer(type, priority, offered[2])
  tally_out()
  wake_out()
elseif not is_offered then
  redis.call('HSET', K_PRIORITIES, type, priority)
end
redis.call('RPUSH', K_READY .. priority .. type, unpack(entries))
if not fresh then redis.call('SET', K_CALLS .. ARGV[place], ARGV[place + 1] .. answer, 'PX', ARGV[place + 2]) end
return answer
