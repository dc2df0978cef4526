-- $1 prefix, $2 scope. Of each type: name, pending, running, completed, failed, cancelled, ms, paused.
select t.name, coalesce(a.pending, 0),
  (select coalesce(sum(cardinality(l.ids)), 0) from @leases l where l.type = t.id),
  coalesce(a.completed, 0), coalesce(a.failed, 0), coalesce(a.cancelled, 0), coalesce(a.duration, 0), t.paused
from @scopes s join @types t on t.scope = s.id
left join lateral (
  select sum(x.pending) as pending, sum(x.completed) as completed, sum(x.failed) as failed, sum(x.cancelled) as cancelled,
    sum(x.duration) as duration
  from @tallies x where x.type = t.id
) a on true
where s.prefix = $1 and s.name = $2
