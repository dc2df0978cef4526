-- Entries left behind go when a claim passes over them. Where nobody claims they would pile up: so a sweep takes them out of lists that
-- hold far more entries than their type has pending jobs, a piece of a list at a time.
local PIECE = 200
local SPARE = 1000

local function is_current(entry, body, change)
  if not body then return false end
  local _, due = open_body(body)
  if change then
    local moved = read_change(change).due
    if moved ~= '' then due = tonumber(moved) or -1 end
  end
  return math.floor(due) == tonumber(sub(entry, 1, 11), 16)
end

-- Looks at one piece of a list, where the last look ended; returns how many entries went.
local function clean_piece(name)
  local list = K_READY .. name
  local start = tonumber(redis.call('HGET', K_CLEANED, name) or 0)
  local entries = redis.call('LRANGE', list, start, start + PIECE - 1)
  if #entries == 0 then
    redis.call('HDEL', K_CLEANED, name)
    return 0
  end
  local ids = {}
  for i = 1, #entries do ids[i] = sub(entries[i], 12) end
  local bodies = redis.call('HMGET', K_BODIES, unpack(ids))
  local changes = redis.call('HMGET', K_CHANGES, unpack(ids))
  local gone = 0
  for i = 1, #entries do
    if not is_current(entries[i], bodies[i], changes[i]) then
      redis.call('LSET', list, start + i - 1, '')
      gone = gone + 1
    end
  end
  if gone > 0 then redis.call('LREM', list, gone, '') end
  redis.call('HSET', K_CLEANED, name, start + #entries - gone)
  return gone
end

-- Returns how many entries went.
local function clean_lists()
  local gone = 0
  for _, listed in ipairs(listed_types()) do
    local type, priorities, entries = unpack(listed)
    local pending = entries + (redis.call('HGET', K_COUNTS, 'p' .. type) or 0)
    if entries > 2 * pending + SPARE then
      for at = 1, #priorities do
        local cleaned = clean_piece(sub(priorities, at, at) .. type)
        count('p', type, cleaned)
        gone = gone + cleaned
      end
    end
  end
  return gone
end
