-- Whatever its state. $1 prefix, $2 name, $3 id. A row when it was there.
delete from @entries e using @queues q where q.prefix = $1 and q.name = $2 and e.queue = q.id and e.id = $3 returning 1
