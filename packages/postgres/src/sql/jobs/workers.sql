-- $1 prefix, $2 scope. Of each worker: name, until in ms, dead, how many it runs, info.
select w.name, floor(w.until / 1000.0), w.dead,
  (select coalesce(sum(cardinality(l.ids)), 0) from @leases l where l.worker = w.id), w.info
from @scopes s join @workers w on w.scope = s.id where s.prefix = $1 and s.name = $2
