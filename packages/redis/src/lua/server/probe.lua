-- Tries every command that the other scripts use on one key that is made for it, and tells which ones were refused. The key is a list
-- afterwards, for a moment.
--
-- KEYS[1]  the probe
-- Returns command, error, repeated.
local key = KEYS[1]
local refused = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then
    refused[#refused + 1] = (...)
    refused[#refused + 1] = answer.err
  end
end

try('TIME')
try('UNLINK', key)
try('EXISTS', key)
try('HSET', key, 'a', 1)
try('HSETNX', key, 'b', 1)
try('HGET', key, 'a')
try('HMGET', key, 'a', 'b')
try('HGETALL', key)
try('HKEYS', key)
try('HLEN', key)
try('HEXISTS', key, 'a')
try('HRANDFIELD', key)
try('HSCAN', key, 0)
try('HINCRBY', key, 'a', 1)
try('HINCRBYFLOAT', key, 'a', 1)
try('HDEL', key, 'a')
try('RPUSH', key, 'a', 'b', 'c')
try('LPUSH', key, 'a')
try('LINSERT', key, 'BEFORE', 'b', 'a')
try('LRANGE', key, 0, 1)
try('LTRIM', key, 0, 9)
try('LSET', key, 0, 'a')
try('LREM', key, 1, 'a')
try('LLEN', key)
try('LPOP', key)
try('UNLINK', key)
try('SADD', key, 'a', 'b')
try('SMEMBERS', key)
try('SREM', key, 'a')
try('SPOP', key)
try('UNLINK', key)
try('ZADD', key, 1, 'a', 2, 'b')
try('ZCARD', key)
try('ZCOUNT', key, '-inf', '+inf')
try('ZSCORE', key, 'a')
try('ZRANGE', key, 0, 0)
try('ZREVRANGE', key, 0, 0)
try('ZRANGEBYSCORE', key, '-inf', '+inf')
try('ZRANGEBYLEX', key, '-', '+')
try('ZPOPMIN', key)
try('ZREM', key, 'b')
try('ZREMRANGEBYRANK', key, 0, 0)
try('ZREMRANGEBYSCORE', key, 0, 0)
try('UNLINK', key)
try('SET', key, 1)
try('GET', key)
try('INCRBY', key, 1)
try('PEXPIRE', key, 1000)
try('UNLINK', key)
-- what is left is for a blocking pop that finds it at once
try('RPUSH', key, 1)
try('PEXPIRE', key, 10000)
return refused
