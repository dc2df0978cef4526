-- Everything that is stored of up to 1,000 jobs.
--
-- KEYS[1]  base of the job store
-- ARGV     ids
-- Returns {bodies, changes, endings, cancel reasons; then of each worker that holds something of it: {worker, what it holds of each}}.
local answer = {
  redis.call('HMGET', K_BODIES, unpack(ARGV)),
  redis.call('HMGET', K_CHANGES, unpack(ARGV)),
  redis.call('HMGET', K_ENDINGS, unpack(ARGV)),
  redis.call('HMGET', K_CANCEL, unpack(ARGV)),
}
for _, set in ipairs({ K_WORKERS, K_DEAD }) do
  local workers = redis.call('ZRANGE', set, 0, -1)
  for i = 1, #workers do
    if redis.call('EXISTS', K_HELD .. workers[i]) == 1 then
      answer[#answer + 1] = { workers[i], redis.call('HMGET', K_HELD .. workers[i], unpack(ARGV)) }
    end
  end
end
return answer
