-- How a claim ends without the job ending, and how it is read.
local function read_held(text)
  return { fence = sub(text, 1, 16), due = tonumber(sub(text, 17, 27), 16), head = head_of(sub(text, 28)) }
end

-- The job as it stands when its claim is over.
local function change_after(held, text)
  local change = read_change(text)
  change.due = whole(held.due)
  change.fence = held.fence
  return change
end

-- Back to pending, or to cancelled where that was asked for. Without `due` it is due as it was.
local function give_back(id, held, change, due, body)
  local asked = redis.call('HGET', K_CANCEL, id)
  if asked then
    finish(id, 'x', held.head, change, asked, '')
  else
    local _, _, _, expires = open_body(body)
    make_pending(id, held.head, change, due, expires)
  end
end

-- Claims to give back, from {id, held, …}: those due last first, since each is put in front of the ones after it.
local function last_first(pairs_of, wanted)
  local claims = {}
  for i = 1, #pairs_of, 2 do
    if wanted(pairs_of[i], pairs_of[i + 1]) then
      claims[#claims + 1] = { id = pairs_of[i], held = pairs_of[i + 1], due = sub(pairs_of[i + 1], 17, 27), at = i }
    end
  end
  table.sort(claims, function(a, b)
    if a.due ~= b.due then return a.due > b.due end
    return a.at > b.at
  end)
  return claims
end
