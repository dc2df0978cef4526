-- Removes ids. With a receipt only while it proves the live lease, so that a late worker never removes somebody else's claim.
--
-- KEYS     see queue.lua
-- ARGV     id, receipt (or empty); repeated
-- Returns one digit an item: 0 when its lease is gone.
local answers = {}
for i = 1, #ARGV, 2 do
  local id, receipt = ARGV[i], ARGV[i + 1]
  if receipt ~= '' and not holds(id, receipt) then
    answers[#answers + 1] = '0'
  else
    remove(id)
    answers[#answers + 1] = '1'
  end
end
freed()
return table.concat(answers)
