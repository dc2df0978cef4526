-- What a script begins with: the instant at which it runs, and what Lua finds faster under a name of its own.
local now_us = micros()
local now = math.floor(now_us / 1000)
local sub, find, format = string.sub, string.find, string.format
