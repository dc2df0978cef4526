-- Makes one hub's blocking pop return, because what it waits for has changed. The list goes by itself when the hub is gone.
--
-- KEYS[1]  the hub's own list
redis.call('RPUSH', KEYS[1], '1')
redis.call('PEXPIRE', KEYS[1], 60000)
