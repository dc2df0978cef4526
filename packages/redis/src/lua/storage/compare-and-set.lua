-- Stores each record whole if the stored revision is the expected one, or if there is none where none is expected. Each item is
-- atomic by itself and sees the ones before it.
--
-- KEYS[1]  base of the namespace
-- ARGV     1 when this very call may have been applied before, else 0; then id, expected revision (or empty: no record), `rev;value`, instant for prune (or empty); repeated
-- Returns one digit an item: 1 stored, 0 refused.
local answers = {}
for i = 2, #ARGV, 4 do
  local id, expected, prune = ARGV[i], ARGV[i + 1], ARGV[i + 3]
  local stored = redis.call('HGET', K_VALUES, id)
  local revision = stored and string.sub(stored, 1, string.find(stored, ';', 1, true) - 1) or ''
  if ARGV[1] == '1' and stored == ARGV[i + 2] then
    -- revisions never come twice: this is what the call itself stored
    answers[#answers + 1] = '1'
  elseif revision == expected then
    redis.call('HSET', K_VALUES, id, ARGV[i + 2])
    if not stored then redis.call('ZADD', K_IDS, 0, id) end
    if prune ~= '' then
      redis.call('ZADD', K_PRUNE, prune, id)
    elseif stored then
      redis.call('ZREM', K_PRUNE, id)
    end
    answers[#answers + 1] = '1'
  else
    answers[#answers + 1] = '0'
  end
end
return table.concat(answers)
