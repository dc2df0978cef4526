-- KEYS     see queue.lua
-- Returns {waiting, delayed, leased} as of now; what has come due or lost its lease counts as waiting wherever it still lies.
local delayed = redis.call('ZCOUNT', K_DELAYED, '(' .. whole(now_us), '+inf')
local leased = redis.call('ZCOUNT', K_LEASED, '(' .. whole(now_us), '+inf')
return { redis.call('HLEN', K_ENTRIES) - delayed - leased, delayed, leased }
