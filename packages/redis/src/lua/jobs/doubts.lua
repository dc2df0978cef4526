-- Whether ids are new is not certain, or was not. An id that `enqueue` made is new in the first call for it, so that call does not look whether
-- it is remembered. But when it is sent a second time the first call may still be on its way, and come after the job has run: from the
-- second call on, and for ten minutes, every call looks. `doubts`: until when, where there are any.
local DOUBTS_MS = 600000
if second or (fresh and again) then
  redis.call('HSET', K_PRIORITIES, '\0n', now + DOUBTS_MS)
elseif doubts and tonumber(doubts) < now then
  redis.call('HDEL', K_PRIORITIES, '\0n')
end

local function find_remembered(ids, many, remembered)
  local buckets = redis.call('ZRANGEBYSCORE', K_BUCKETS, '(' .. now, '+inf')
  if #buckets > 0 then mark_remembered(buckets, ids, many, remembered) end
end
