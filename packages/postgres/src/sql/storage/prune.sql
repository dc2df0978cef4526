-- One bounded batch, and no record that was changed meanwhile. $1 prefix, $2 namespace, $3 before (epoch ms), $4 most.
delete from @records r
where r.prefix = $1 and r.namespace = $2 and r.prune_at < $3::float8 and r.id = any (array(
  select x.id from @records x where x.prefix = $1 and x.namespace = $2 and x.prune_at < $3::float8
  order by x.prune_at limit $4::int4 for update skip locked))
returning 1
