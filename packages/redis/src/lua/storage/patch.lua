-- Changes some fields of each record where others are as they must be, and adds one to its rev. Each item is atomic by itself and sees
-- the ones before it. Needs fields.lua.
--
-- KEYS[1]  base of the namespace
-- ARGV     1 to give the records back, else 0; then
--            id
--            what fields must be: a JSON object, with nothing in place of a value for missing
--            what fields change: such an object of the same names for all that change, with `+` for what counts, `^` for what becomes the
--            new rev, nothing for any other
--            what is set: the inside of a JSON object, with a comma before each field
--            instant for prune, or empty: there is none, `=`: as it was, `?`: to be found in the record
--          repeated
-- Returns one `rev;value` an item, nil where it was refused; or one digit an item: 1 changed, 0 refused.
local REV, EXACT = '"rev"', 2 ^ 53

-- What is told about fields: name → text. Most items of a batch say the same.
local known = {}

local function told_by(text)
  local told = known[text]
  if not told then
    told = {}
    each_field(text, 1, function(name, begin, stop) told[name] = sub(text, begin + #name + 1, stop) end)
    known[text] = told
  end
  return told
end

-- The record at hand, and the fields of it that matter: name → where it begins, where its value ends; and those that change, in order.
local stored, must, changes
local begins, ends, cuts, cut_count = {}, {}, {}, 0

local function note(name, begin, stop)
  if changes[name] then
    cut_count = cut_count + 1
    cuts[cut_count] = name
  elseif not must[name] then
    return
  end
  begins[name], ends[name] = begin, stop
end

local function value_of(name)
  local begin = begins[name]
  return begin and sub(stored, begin + #name + 1, ends[name])
end

-- A number has one more text where a count made it.
local function is_equal(value, wanted)
  if value == wanted then return true end
  local number = value and tonumber(wanted)
  return number and tonumber(value) == number
end

local function holds()
  for name, wanted in pairs(must) do
    if wanted == '' then
      if begins[name] then return false end
    elseif not is_equal(value_of(name), wanted) then
      return false
    end
  end
  return true
end

local function number_text(number)
  local is_exact = number % 1 == 0 and math.abs(number) <= EXACT
  return string.format(is_exact and '%.0f' or '%.17g', number)
end

-- The rev that comes next; nil where there is no safe integer.
local function next_rev()
  local rev = value_of(REV)
  local number = rev and find(rev, '^-?%d+$') and tonumber(rev)
  return number and math.abs(number) < EXACT and number_text(number + 1)
end

-- What changes moves to the end. `from`: where the first name is.
local function changed(from, set, rev)
  local text = ''
  for i = 1, cut_count do
    local name = cuts[i]
    local begin = begins[name]
    if begin > from then text = text .. sub(stored, from, begin - 1) end
    from = ends[name] + 2
  end
  -- the comma of what changed is still there
  if from < #stored then
    text = text .. sub(stored, from, -2)
  else
    text = sub(text, 1, -2)
  end
  for name, change in pairs(changes) do
    if change == '^' then
      set = set .. ',' .. name .. ':' .. rev
    elseif change == '+' then
      set = set .. ',' .. name .. ':' .. number_text((tonumber(value_of(name) or '') or 0) + 1)
    end
  end
  if text == '' then set = sub(set, 2) end
  return rev .. ';{' .. text .. set .. '}'
end

-- What prune goes by, as save has it: `finishedAt`, without that field `createdAt`; empty when it is no instant.
local function instant_in(text)
  local fields = {}
  each_field(text, find(text, ';', 1, true) + 1, function(name, begin, stop)
    if name == '"finishedAt"' or name == '"createdAt"' then fields[name] = sub(text, begin + #name + 1, stop) end
  end)
  local value = fields['"finishedAt"'] or fields['"createdAt"'] or ''
  return string.match(value, '^{"$date":(-?%d+)}$') or string.match(value, '^-?%d.*$') or ''
end

local function renew_instant(id, instant, text)
  if instant == '=' then return end
  if instant == '?' then instant = instant_in(text) end
  if instant == '' then
    redis.call('ZREM', K_PRUNE, id)
  else
    redis.call('ZADD', K_PRUNE, instant, id)
  end
end

local function patched(id, where, names, set, instant)
  stored = redis.call('HGET', K_VALUES, id)
  local semicolon = stored and find(stored, ';', 1, true)
  if not semicolon then return false end
  for name in pairs(begins) do begins[name] = nil end
  must, changes, cut_count = told_by(where), told_by(names), 0
  local rev = each_field(stored, semicolon + 1, note) and next_rev()
  if not rev or not holds() then return false end
  local text = changed(semicolon + 2, set, rev)
  redis.call('HSET', K_VALUES, id, text)
  renew_instant(id, instant, text)
  return text
end

local answers = {}
for i = 2, #ARGV, 5 do
  answers[#answers + 1] = patched(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
end
if ARGV[1] == '1' then return answers end
for i, text in ipairs(answers) do answers[i] = text and '1' or '0' end
return table.concat(answers)
