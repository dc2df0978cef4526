-- $1 prefix, $2 name. Waiting, delayed, leased; a lease that has ended counts as waiting.
select
  count(*) filter (where coalesce(e.until, 0) <= n.us and (e.until is not null or e.due <= n.us)),
  count(*) filter (where e.until is null and e.due > n.us),
  count(*) filter (where e.until > n.us)
from (select @now_us() as us offset 0) n, @queues q, @entries e
where q.prefix = $1 and q.name = $2 and e.queue = q.id
