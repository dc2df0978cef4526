-- $1 prefix, $2 name, $3 ids. Rows: the ids that are there.
select e.id from @entries e join @queues q on e.queue = q.id
where q.prefix = $1 and q.name = $2 and e.id = any ($3::text[])
