-- Inserts one job that is due now and never expires, or not at all, as insert.lua does: almost every insert is of this kind. It may be
-- handed to a worker that waits: waiting.lua tells what is noted of those. Straight on, and what is seldom needed is made where it is
-- needed: for one job making the functions of the other scripts takes longer than what they do. So does making each key beforehand:
-- here every K_NAME is put together where it is used.
--
-- KEYS[1]  base of the job store
-- ARGV     four digits, each 1 where it is so: the id is new for certain; this very call may have been applied before; it is the second
--          call for an id that was new for the first; it may be handed over. In the same argument id, NUL, head, NUL, rest. Of an id that is
--          not new for certain: where to leave the answer, the call's own mark, ms to leave it there
-- Returns 1 when it was inserted, else 0: a number takes its reader a few steps less. An id that is new for certain is there or remembered
-- only if this call was applied before.
local call = redis.call
local YES = 49
local text = ARGV[1]
local fresh, again, second, may_hand_over = string.byte(text, 1, 4)
fresh, again, second = fresh == YES, again == YES, second == YES
local gap = find(text, '\0', 5, true)
local id, head = sub(text, 5, gap - 1), sub(text, gap + 1, find(text, '\0', gap + 1, true) - 1)
local priority, type = sub(head, 1, 1), sub(head, find(head, ';', 2, true) + 1)
local created = format('%011x', now)
local body = created .. sub(text, gap + 1)
local exists = fresh and 1 or 0

if again and not fresh then
  local left = call('GET', K_CALLS .. ARGV[2])
  if left and sub(left, 1, #ARGV[3]) == ARGV[3] then return 1 end
end

local offered = call('HMGET', K_PRIORITIES, '', type, '\0p', '\0n', '\0t' .. type)
local doubts = offered[4]
if not fresh or again or doubts then
  -- @doubts
  local remembered = {}
  find_remembered({ id }, 1, remembered)
  if remembered[1] then return exists end
end

if call('HSETNX', K_BODIES, id, body) == 0 then return exists end

local known = offered[2]
may_hand_over = may_hand_over == YES
if offered[1] and #call('ZRANGEBYSCORE', K_DELAYED, '-inf', format('%.3f', now_us / 1000), 'LIMIT', 0, 1) > 0 then
  -- @due
  -- what is due goes first; it changes what was just read
  move_due(1000)
  tally_out()
  wake_out()
  known = call('HGET', K_PRIORITIES, type)
  may_hand_over = false
end

local handed = false
if may_hand_over and not known and not (offered[3] and call('HEXISTS', K_PAUSED, type) == 1) then
  local worker = offered[5]
  for _ = 1, 8 do
    -- the latest who waits for it; then any
    worker = worker or call('SPOP', K_TAKERS .. type)
    if not worker then break end
    local found = call('HMGET', K_CLAIMS, 'w' .. worker, '', 'r' .. type)
    local waiting = found[1]
    local space = waiting and find(waiting, ' ', 1, true)
    local gap = space and find(waiting, ' ', space + 1, true)
    local ends = gap and sub(waiting, space + 1, gap - 1)
    -- it may have been renewed since
    if ends and ends * 1000 <= now_us then ends = call('ZSCORE', K_WORKERS, worker) end
    if ends and ends * 1000 > now_us then
      local number = sub(waiting, 1, space - 1)
      local fence = whole(math.max((found[2] or 0) + 1, now_us))
      -- refused where the user may not publish: then as if nobody listened
      local heard = tonumber(redis.pcall('PUBLISH', sub(waiting, gap + 1), number .. ' ' .. fence .. created .. id .. '\0' .. body))
      if heard and heard > 0 then
        call('HSET', K_CLAIMS, 'w' .. worker, '', 'h' .. worker, number, '', fence, 'r' .. type, whole((found[3] or 0) + 1))
        call('HSET', K_HELD .. worker, id, fence .. created .. head)
        handed = true
        break
      end
    end
    call('HDEL', K_CLAIMS, 'w' .. worker)
    if worker == offered[5] then call('HDEL', K_PRIORITIES, '\0t' .. type) end
    worker = nil
  end
end

if not handed then
  call('RPUSH', K_READY .. priority .. type, created .. id)
  if not known then
    call('HSET', K_PRIORITIES, type, priority)
  elseif not find(known, priority, 1, true) then
    -- @offer
    offer(type, priority, known)
  end
  local waiting = call('EXISTS', K_TAKERS .. type, K_HUBS)
  if waiting > 0 then
    local hubs = waiting == 2 or call('EXISTS', K_HUBS) == 1
    local takers = waiting == 2 or not hubs
    -- who waits was told already; in a name with other characters keys.ts escapes some
    hubs = hubs and (find(type, '[^%w_.-]') or call('EXISTS', K_WAKES .. type) == 0)
    if hubs or takers then
      -- @tell
      tell(type, hubs)
    end
  end
end
if not fresh then call('SET', K_CALLS .. ARGV[2], ARGV[3], 'PX', ARGV[4]) end
return 1
