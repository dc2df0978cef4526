-- Removes an id whatever its state.
--
-- KEYS     see queue.lua
-- ARGV     id
-- Returns 1 when it was there, else 0.
local was = remove(ARGV[1])
freed()
return was and 1 or 0
