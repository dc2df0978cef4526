-- The top level of JSON as JSON.stringify writes it: without spaces, one text for one name or text. Values are skipped, not decoded, as
-- `cjson` rounds numbers and loses empty lists. Plain finds look at many bytes at once; whatever a value is, the way is linear in its bytes.

local find, byte, sub = string.find, string.byte, string.sub
local QUOTE, BACKSLASH, BRACKET, BRACE, BRACE_END = 34, 92, 91, 123, 125

-- Where a string ends whose first quote behind its begin is behind a backslash: `quote`.
local function escaped_end(text, at, quote)
  local _, stop = find(text, '[^\\]"', quote)
  -- up to there each quote is behind a backslash; an even number of them escape one another, and that quote ends it
  local part, from = sub(text, at, stop or -1), 2
  while true do
    local first
    first, quote = find(part, '\\\\"', from, true)
    if not first then return stop end
    while byte(part, first - 1) == BACKSLASH do first = first - 1 end
    if (quote - first) % 2 == 0 then return at + quote - 1 end
    from = quote + 1
  end
end

-- Where the string that begins at `at` ends.
local function string_end(text, at)
  local quote = find(text, '"', at + 1, true)
  if quote and byte(text, quote - 1) == BACKSLASH then return escaped_end(text, at, quote) end
  return quote
end

-- Where the object or list that begins at `at` ends.
local function nested_end(text, at)
  local depth = 0
  repeat
    at = find(text, '["%[%]{}]', at)
    local mark = at and byte(text, at)
    if mark == QUOTE then
      at = string_end(text, at)
      -- a text that follows needs no search
      while at and byte(text, at + 2) == QUOTE do
        at = string_end(text, at + 2)
      end
    elseif mark == BRACKET or mark == BRACE then
      depth = depth + 1
    else
      depth = depth - 1
    end
    if not at then return nil end
    at = at + 1
  until depth == 0
  return at - 1
end

-- Calls `visit` with each name of the object whose brace is at `from`, as it stands there, with where it begins, and where its value ends.
-- False where there is no object.
local function each_field(text, from, visit)
  local size = #text
  if byte(text, from) ~= BRACE or byte(text, size) ~= BRACE_END then return false end
  local at = from + 1
  while at < size do
    local stop
    -- as in string_end, without its call
    local quote = find(text, '"', at + 1, true)
    if not quote then return false end
    local last, _, _, kind = byte(text, quote - 1, quote + 2)
    if last == BACKSLASH then
      quote = escaped_end(text, at, quote)
      if not quote then return false end
      kind = byte(text, quote + 2)
    end
    if kind == QUOTE then
      stop = string_end(text, quote + 2)
    elseif kind == BRACE or kind == BRACKET then
      stop = nested_end(text, quote + 2)
    else
      stop = (find(text, ',', quote + 2, true) or size) - 1
    end
    if not stop then return false end
    visit(sub(text, at, quote), at, stop)
    at = stop + 2
  end
  return true
end
