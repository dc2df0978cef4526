-- $1 prefix, $2 name. Waiting, delayed, leased; a lease that has ended counts as waiting.
select u.ready + l.ended, u.delayed, l.leased
from @queues q cross join (select @now_us() as us offset 0) n
cross join lateral (
  select count(*) filter (where e.due <= n.us) as ready, count(*) filter (where e.due > n.us) as delayed
  from @entries e where e.queue = q.id and e.until is null
) u
cross join lateral (
  select count(*) filter (where e.until <= n.us) as ended, count(*) filter (where e.until > n.us) as leased
  from @entries e where e.queue = q.id and e.until is not null
) l
where q.prefix = $1 and q.name = $2
