-- Claims for one worker by (priority, due) over its wanted types. Only a living worker claims; paused types and types whose places are
-- taken give nothing; what has expired fails instead. One fence for the whole claim: later claims have higher ones.
--
-- `wanted`: of each type {name, most in this claim, most running over the cluster (or -1)}
local has_changes

local function next_fence()
  local last = tonumber(redis.call('HGET', K_CLAIMS, '') or 0)
  local fence = whole(math.max(last + 1, now_us))
  redis.call('HSET', K_CLAIMS, '', fence)
  return fence
end

-- The wanted types that are not paused, with their room and their priorities; and whether anything is delayed. What has come due is
-- moved to the lists first.
local function open_types(wanted)
  local fields = { '', '\0p' }
  for i = 1, #wanted do fields[i + 2] = wanted[i].name end
  local marks = redis.call('HMGET', K_PRIORITIES, unpack(fields))
  local delayed = marks[1]
  if delayed then
    move_due(1000)
    marks = redis.call('HMGET', K_PRIORITIES, unpack(fields))
  end
  local paused = marks[2] and redis.call('HMGET', K_PAUSED, unpack(fields))
  local open = {}
  for i = 1, #wanted do
    local type = wanted[i]
    type.free = FAR
    if type.active >= 0 then
      local running = redis.call('HGET', K_CLAIMS, 'r' .. type.name) or 0
      type.free = type.active - running - (tally['r' .. type.name] or 0)
    end
    type.room = math.min(type.most, type.free)
    type.priorities = marks[i + 2] or ''
    type.stored = type.priorities
    if not (paused and paused[i + 2]) then open[#open + 1] = type end
  end
  return open, delayed
end

-- Those of the open types that have the highest priority that any of them has, and room.
local function leading(open)
  local best, group = nil, {}
  for i = 1, #open do
    local type = open[i]
    if type.room > 0 and type.priorities ~= '' then
      local priority = sub(type.priorities, 1, 1)
      if not best or priority < best then
        best, group = priority, { type }
      elseif priority == best then
        group[#group + 1] = type
      end
    end
  end
  return best, group
end

local function exhausted(type)
  type.priorities = sub(type.priorities, 2)
end

-- Pops entries of one priority in due order over the group: of each type {entry, …}.
local function pop(priority, group, most)
  if #group == 1 then
    local type = group[1]
    local want = math.min(most, type.room)
    local entries = redis.call('LPOP', K_READY .. priority .. type.name, want) or {}
    if #entries < want then exhausted(type) end
    for i = 1, #entries do entries[i] = { entries[i], type } end
    return entries
  end
  local fronts, taken, popped = {}, {}, {}
  local ahead = math.ceil(most / #group) + 4
  for i = 1, #group do
    local want = math.min(ahead, group[i].room, most)
    fronts[i] = redis.call('LRANGE', K_READY .. priority .. group[i].name, 0, want - 1)
    fronts[i].all = #fronts[i] < want
    taken[i] = 0
  end
  while #popped < most do
    local first, earliest
    local stop = false
    for i = 1, #group do
      local entry = fronts[i][taken[i] + 1]
      if entry then
        local due = sub(entry, 1, 11)
        if not earliest or due < earliest then
          first, earliest = i, due
        end
      elseif not fronts[i].all then
        -- more of this type may be due before the others: look again
        stop = true
      end
    end
    if stop or not first then break end
    taken[first] = taken[first] + 1
    popped[#popped + 1] = { fronts[first][taken[first]], group[first] }
  end
  for i = 1, #group do
    if taken[i] > 0 then redis.call('LTRIM', K_READY .. priority .. group[i].name, taken[i], -1) end
    if fronts[i].all and taken[i] == #fronts[i] then exhausted(group[i]) end
  end
  return popped
end

-- Returns the fence and, of each job, entry, body and change.
local function claim(worker, limit, open)
  local jobs = {}
  local priority, group = leading(open)
  if not priority or limit <= 0 or not redis.call('ZSCORE', K_WORKERS, worker) then return '', jobs end
  has_changes = redis.call('EXISTS', K_CHANGES) == 1
  local fence, claims, unexpiring = next_fence(), {}, {}
  local popped, left = 0, limit
  -- ghosts and expired ones cost a look too: the rest is for the next call
  while priority and left > 0 and popped < limit + 1000 do
    local entries = pop(priority, group, math.min(left, 1000))
    popped = popped + math.max(#entries, 1)
    local ids = {}
    for i = 1, #entries do ids[i] = sub(entries[i][1], 12) end
    local bodies = #ids > 0 and redis.call('HMGET', K_BODIES, unpack(ids)) or {}
    local changes = has_changes and #ids > 0 and redis.call('HMGET', K_CHANGES, unpack(ids)) or {}
    for i = 1, #ids do
      local entry, type, body, change = entries[i][1], entries[i][2], bodies[i], changes[i]
      local due = sub(entry, 1, 11)
      local zero = body and find(body, '\0', 12, true)
      -- bytes that are no record are not worth losing the others of this claim
      body = zero and body
      local mark = body and sub(body, zero + 1, zero + 1)
      local current, expired = body, false
      if body and (change or mark == 'd' or mark == 'e') then
        local head, first_due, _, expires = open_body(body)
        local changed = change and read_change(change)
        if changed and changed.due ~= '' then first_due = tonumber(changed.due) or -1 end
        current = math.floor(first_due) == tonumber(due, 16)
        if current and expires and not (changed and find(changed.flags, 'n', 1, true)) then
          unexpiring[#unexpiring + 1] = ids[i]
          if expires <= now then
            changed = changed or read_change(false)
            changed.due = exact(first_due)
            finish(ids[i], 'f', head, changed, 'expired', '')
            expired = true
          end
        end
      elseif body then
        current = sub(body, 1, 11) == due
      end
      if not current then
        count('p', type.name, 1)
      elseif not expired then
        claims[#claims + 1] = ids[i]
        claims[#claims + 1] = fence .. due .. sub(body, 12, zero - 1)
        jobs[#jobs + 1] = entry
        jobs[#jobs + 1] = body
        jobs[#jobs + 1] = change or ''
        type.room = type.room - 1
        type.free = type.free - 1
        type.got = (type.got or 0) + 1
        left = left - 1
      end
    end
    priority, group = leading(open)
  end
  if #claims > 0 then redis.call('HSET', K_HELD .. worker, unpack(claims)) end
  if #unexpiring > 0 then redis.call('ZREM', K_EXPIRY, unpack(unexpiring)) end
  for i = 1, #open do
    local type = open[i]
    if type.got then count('r', type.name, type.got) end
  end
  return fence, jobs
end

-- Ms until time alone makes something claimable for the open types: 0 when something is now, '' when never. Lists that turned out empty
-- are struck from the priorities on the way.
local function next_due(open, delayed)
  local wait, names, hubs = nil, {}, nil
  for i = 1, #open do
    local type = open[i]
    if type.free > 0 then names[type.name] = true end
    while type.priorities ~= '' and redis.call('EXISTS', K_READY .. sub(type.priorities, 1, 1) .. type.name) == 0 do
      exhausted(type)
    end
    if type.priorities ~= type.stored then
      if type.priorities == '' then
        redis.call('HDEL', K_PRIORITIES, type.name)
      else
        redis.call('HSET', K_PRIORITIES, type.name, type.priorities)
      end
    end
    if type.priorities ~= '' and type.free > 0 then
      wait = '0'
      -- this look was for one worker; another may take the rest
      hubs = hubs or redis.call('ZCARD', K_HUBS)
      if hubs > 1 then woken[type.name] = true end
    elseif type.priorities ~= '' then
      redis.call('HSET', K_LIMITED, type.name, 1)
    end
  end
  if wait or not delayed or next(names) == nil then return wait or '' end
  local soonest = redis.call('ZRANGE', K_DELAYED, 0, 63, 'WITHSCORES')
  if #soonest == 0 then redis.call('HDEL', K_PRIORITIES, '') end
  for i = 1, #soonest, 2 do
    local member = soonest[i]
    -- beyond so many of other types: look again when the last of them is due
    if names[sub(member, find(member, '\0', 12, true) + 1)] or i == 127 then
      return format('%.3f', math.max(0, soonest[i + 1] - now_us / 1000))
    end
  end
  return ''
end
