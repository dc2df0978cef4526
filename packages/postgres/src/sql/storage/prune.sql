-- One bounded batch, and no record that was changed meanwhile. $1 prefix, $2 namespace, $3 before (epoch ms), $4 most.
delete from @records where ctid = any (array(
  select x.ctid from @records x where x.prefix = $1 and x.namespace = $2 and x.prune_at < $3::float8
  order by x.prune_at limit $4::int4 for update skip locked))
returning 1
