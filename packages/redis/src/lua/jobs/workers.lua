-- KEYS[1]  base of the job store
-- Returns of each worker, the dead ones last: name, end of its lease, 1 when dead, number of jobs it holds, info; repeated.
local answer = {}
for dead, set in ipairs({ K_WORKERS, K_DEAD }) do
  local workers = redis.call('ZRANGE', set, 0, -1, 'WITHSCORES')
  for i = 1, #workers, 2 do
    answer[#answer + 1] = workers[i]
    answer[#answer + 1] = workers[i + 1]
    answer[#answer + 1] = dead - 1
    answer[#answer + 1] = redis.call('HLEN', K_HELD .. workers[i])
    answer[#answer + 1] = redis.call('HGET', K_INFO, workers[i]) or ''
  end
end
return answer
