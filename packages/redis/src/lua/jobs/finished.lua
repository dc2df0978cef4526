-- A page of kept finished jobs: by state and type, then by when their age ends, then by id. Stable while others come and go.
--
-- KEYS[1]  base of the job store
-- ARGV     letters of the wanted states, type (or empty: any), most jobs; set, score and id to go on after (or empty)
-- Returns set, score, id, repeated; less than asked for means the end.
local letters, type, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local after_set, after_score, after_id = ARGV[4], ARGV[5], ARGV[6]

-- as sorted sets compare members, whatever the server's locale
local function is_after(a, b)
  for at = 1, math.min(#a, #b) do
    local left, right = string.byte(a, at), string.byte(b, at)
    if left ~= right then return left > right end
  end
  return #a > #b
end

local names = {}
for _, name in ipairs(redis.call('SMEMBERS', K_KEPT_NAMES)) do
  local wanted = string.find(letters, string.sub(name, 1, 1), 1, true) and (type == '' or string.sub(name, 2) == type)
  if wanted and (name == after_set or is_after(name, after_set)) then names[#names + 1] = name end
end
table.sort(names, function(a, b) return is_after(b, a) end)

local page = {}
for _, name in ipairs(names) do
  local again = name == after_set
  local offset = 0
  while #page < most * 3 do
    local found =
      redis.call('ZRANGEBYSCORE', K_KEPT .. name, again and after_score or '-inf', '+inf', 'WITHSCORES', 'LIMIT', offset, most)
    for i = 1, #found, 2 do
      local seen = again and found[i + 1] == after_score and not is_after(found[i], after_id)
      if not seen and #page < most * 3 then
        page[#page + 1] = name
        page[#page + 1] = found[i + 1]
        page[#page + 1] = found[i]
      end
    end
    if #found < most * 2 then break end
    offset = offset + most
  end
  if #page >= most * 3 then break end
end
return page
