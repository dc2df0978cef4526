-- What readers are shown of a job: its body, and where it lies. Nothing of one that is gone and only remembered.
select j.id::text as id, t.name as type, k.rank as rank, k.settings::text as settings, j.due as due, j.expires as expires, j.extra::text as extra,
  j.past::text as past, j.payload as payload,
  case when e.id is not null then e.state::text when l.fence is not null then 'r' else 'p' end as state,
  l.worker as worker, coalesce(e.fence, l.fence) as fence, coalesce(e.started, l.claimed) as started, e.finished as finished,
  e.attempt as attempt, e.failures as failures, e.crashes as crashes, e.reason as reason, e.result as result, e.error as error,
  (c.id is not null)::text as cancelled
from @scopes s
join @jobs j on j.scope = s.id
join @kinds k on k.id = j.kind
join @types t on t.id = k.type
left join @endings e on e.scope = s.id and e.id = j.id
left join lateral (
  select x.fence, x.claimed, w.name as worker from @leases x left join @workers w on w.id = x.worker
  where x.type = t.id and j.id = any (x.ids) and e.id is null limit 1
) l on true
left join @cancels c on c.scope = s.id and c.id = j.id and l.fence is not null
where s.prefix = $1 and s.name = $2
  and (e.id is not null or l.fence is not null
    or exists (select from @ready r where r.type = k.type and r.rank = k.rank and r.due = j.due and r.id = j.id)
    or exists (select from @future f where f.type = k.type and f.due = j.due and f.id = j.id))
