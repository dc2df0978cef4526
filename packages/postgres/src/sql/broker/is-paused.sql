-- $1 prefix, $2 name.
select paused from @queues where prefix = $1 and name = $2
