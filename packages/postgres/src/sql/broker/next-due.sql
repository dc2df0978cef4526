-- Ms until time alone makes something claimable; null: never, or paused. $1 prefix, $2 names. Rows of name and ms, one a queue that has any.
select q.name, greatest(0, least(d.due, l.until) - (select @now_us())) / 1000.0
from @queues q
left join lateral (select min(e.due) as due from @entries e where e.queue + 0 = q.id and e.until is null) d on true
left join lateral (select min(e.until) as until from @entries e where e.queue = q.id and e.until is not null) l on true
where q.prefix = $1 and q.name = any ($2::text[]) and not q.paused and least(d.due, l.until) is not null
