-- How a job is read: its head, what came to it since it was inserted; and how it gets into a queue again or out of one.
-- Settings, in the order in which job-codec.ts writes them; what is empty takes the default, '-' stands for no bound.
local heads = {}
local function head_of(text)
  local head = heads[text]
  if head then return head end
  local stop = find(text, ';', 2, true)
  local field = {}
  for part in string.gmatch(sub(text, 2, stop - 1) .. ',', '([^,]*),') do field[#field + 1] = part end
  local function number(at, default)
    local value = field[at]
    if value == nil or value == '' then return default end
    return tonumber(value)
  end
  local type = sub(text, stop + 1)
  head = {
    text = text,
    priority = sub(text, 1, 1),
    type = type,
    list = sub(text, 1, 1) .. type,
    retries = number(1, 0),
    crashes = number(2, D_CRASHES),
    once = field[3] == 'm',
    remember = number(4, D_REMEMBER),
    age = { c = number(5, D_AGE_C), x = number(7, D_AGE_X), f = number(9, D_AGE_F) },
    count = { c = number(6, D_COUNT_C), x = number(8, D_COUNT_X), f = number(10, D_COUNT_F) },
  }
  heads[text] = head
  return head
end

-- Of a body: its head, when it was first due, the sequence of that where it was delayed, and when it expires.
local function open_body(body)
  local zero = find(body, '\0', 12, true)
  local due, sequence, expires = nil, '', nil
  local at = zero + 1
  if sub(body, at, at) == 'd' then
    local stop = find(body, ';', at, true)
    due = tonumber(sub(body, at + 1, stop - 1))
    sequence = sub(body, stop + 1, stop + 10)
    at = stop + 12
  end
  if sub(body, at, at) == 'e' then
    expires = tonumber(sub(body, at + 1, find(body, ';', at, true) - 1))
  end
  return head_of(sub(body, 12, zero - 1)), due or tonumber(sub(body, 1, 11), 16), sequence, expires
end

local function read_change(text)
  if not text then
    return { attempt = 0, failures = 0, crashes = 0, due = '', sequence = '', fence = '', ghost = '', flags = '', error = '' }
  end
  local attempt, failures, crashes, due, sequence, fence, ghost, flags, err =
    string.match(text, '^(%d*),(%d*),(%d*),([^,]*),([^,]*),([^,]*),([^,]*),([^|]*)|(.*)$')
  return {
    attempt = tonumber(attempt),
    failures = tonumber(failures),
    crashes = tonumber(crashes),
    due = due,
    sequence = sequence,
    fence = fence,
    ghost = ghost,
    flags = flags,
    error = err,
  }
end

local function write_change(id, change)
  redis.call(
    'HSET',
    K_CHANGES,
    id,
    format(
      '%d,%d,%d,%s,%s,%s,%s,%s|%s',
      change.attempt,
      change.failures,
      change.crashes,
      change.due,
      change.sequence,
      change.fence,
      change.ghost,
      change.flags,
      change.error
    )
  )
end

local function delay(id, head, due, sequence)
  mark_delayed()
  redis.call('ZADD', K_DELAYED, exact(due), sequence .. head.priority .. id .. '\0' .. head.type)
end

-- Where it was: in front of what is due later. It came from the front, so the place is near.
local function put_in_front(list, entry)
  local due = sub(entry, 1, 11)
  local front = redis.call('LRANGE', list, 0, 99)
  for i = 1, #front do
    if sub(front[i], 1, 11) >= due then
      if i > 1 then
        redis.call('LINSERT', list, 'BEFORE', front[i], entry)
        return
      end
      break
    end
  end
  if #front > 0 and #front < 100 and sub(front[#front], 1, 11) < due then
    redis.call('RPUSH', list, entry)
  else
    redis.call('LPUSH', list, entry)
  end
end

-- Makes a job pending that lies in no queue. Without `due` it is due as it was, in its old place.
local function make_pending(id, head, change, due, expires)
  local again = due == nil
  due = due or tonumber(change.due)
  local ready = due <= now_us / 1000
  if change.ghost ~= '' then due = math.max(due, tonumber(change.ghost) + 1) end
  due = math.min(due, FAR)
  change.due = exact(due)
  change.sequence = ''
  if not ready then
    change.sequence = format('%010x', next_sequences(1))
    delay(id, head, due, change.sequence)
    count('p', head.type, 1)
    -- a sleeper must learn of a due moment before the one it knows
    if redis.call('ZRANGE', K_DELAYED, 0, 0)[1] == change.sequence .. head.priority .. id .. '\0' .. head.type then
      woken[head.type] = true
    end
  else
    local list = K_READY .. head.list
    if again then
      put_in_front(list, hex(math.floor(due)) .. id)
    else
      redis.call('RPUSH', list, hex(math.floor(due)) .. id)
    end
    offer(head.type, head.priority)
    woken[head.type] = true
  end
  write_change(id, change)
  if expires and not find(change.flags, 'n', 1, true) then redis.call('ZADD', K_EXPIRY, whole(expires), id) end
end

-- Takes a pending job out of its queue; what lies in a list stays there as a ghost.
local function unqueue(id, head, change, due, sequence)
  if change.due ~= '' then
    due, sequence = tonumber(change.due), change.sequence
  end
  change.due = exact(due)
  redis.call('ZREM', K_EXPIRY, id)
  count('p', head.type, -1)
  if sequence ~= '' and redis.call('ZREM', K_DELAYED, sequence .. head.priority .. id .. '\0' .. head.type) == 1 then
    return
  end
  change.ghost = whole(math.max(math.floor(due), tonumber(change.ghost) or 0))
end
