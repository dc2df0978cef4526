-- A page in byte order of the ids, bounded by number and by bytes, so that neither the server nor the caller holds too much.
--
-- KEYS[1]  base of the namespace
-- ARGV     id to go on after (or empty), most records, bytes after which the page ends
-- Returns {1 when it ends here, else 0; then id, `rev;value`, repeated}.
local after = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local limit, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local ids = redis.call('ZRANGEBYLEX', K_IDS, after, '+', 'LIMIT', 0, limit)
local page, bytes, taken = { #ids < limit and 1 or 0 }, 0, 0
while taken < #ids and bytes < most do
  local stop = math.min(taken + 32, #ids)
  local values = redis.call('HMGET', K_VALUES, unpack(ids, taken + 1, stop))
  for i = 1, #values do
    page[#page + 1] = ids[taken + i]
    page[#page + 1] = values[i]
    bytes = bytes + #values[i]
  end
  taken = stop
end
if taken < #ids then page[1] = 0 end
return page
