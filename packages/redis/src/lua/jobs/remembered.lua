-- The ids of jobs that ended, remembered for a while in a hash per time bucket: 4,096 fields, each a run of 8-byte prints of the ids
-- that fall into it. A print is 64 bits of the id's SHA-1 and the field another 12, so that among a million remembered ids a new one
-- is taken for a known one once in 10^16 inserts. An id takes 8 bytes and not the 90 that it takes in a set.
local function print_of(id)
  local digest = redis.sha1hex(id)
  local print = struct.pack('>I4I4', tonumber(string.sub(digest, 4, 11), 16), tonumber(string.sub(digest, 12, 19), 16))
  return string.sub(digest, 1, 3), print
end

local function has_print(prints, print)
  local at = string.find(prints, print, 1, true)
  -- one found across two others is none
  while at and at % 8 ~= 1 do at = string.find(prints, print, at + 1, true) end
  return at ~= nil
end

-- Marks in `known` which of the ids, as many as `many`, are remembered in one of the buckets.
local function mark_remembered(buckets, ids, many, known)
  local fields, prints = {}, {}
  for i = 1, many do fields[i], prints[i] = print_of(ids[i]) end
  for b = 1, #buckets do
    local runs = redis.call('HMGET', K_REMEMBERED .. buckets[b], unpack(fields))
    for i = 1, many do
      if runs[i] and has_print(runs[i], prints[i]) then known[i] = true end
    end
  end
end

-- Drops the buckets whose time is over; returns how many ids they held.
local function forget()
  local over = redis.call('ZRANGEBYSCORE', K_BUCKETS, '-inf', now)
  local ids = 0
  for i = 1, #over do
    ids = ids + tonumber(redis.call('HGET', K_REMEMBERED .. over[i], '') or 0)
    redis.call('UNLINK', K_REMEMBERED .. over[i])
    redis.call('ZREM', K_BUCKETS, over[i])
  end
  return ids
end

-- Remembers ids for `ms` at least, in buckets a fifth as wide: few to look into, and each goes at once.
local function remember(ids, ms)
  local width = math.max(math.floor(ms / 5), 1)
  local ends = (math.floor((now + ms) / width) + 1) * width
  local bucket = whole(width) .. ':' .. whole(ends)
  local key = K_REMEMBERED .. bucket
  local fields, added = { '' }, {}
  for i = 1, #ids do
    local field, print = print_of(ids[i])
    if added[field] then
      added[field] = added[field] .. print
    else
      added[field] = print
      fields[#fields + 1] = field
    end
  end
  local runs = redis.call('HMGET', key, unpack(fields))
  local written = { '', (runs[1] or 0) + #ids }
  for i = 2, #fields do
    written[#written + 1] = fields[i]
    written[#written + 1] = (runs[i] or '') .. added[fields[i]]
  end
  redis.call('HSET', key, unpack(written))
  if not runs[1] then
    redis.call('ZADD', K_BUCKETS, whole(ends), bucket)
    forget()
  end
end
