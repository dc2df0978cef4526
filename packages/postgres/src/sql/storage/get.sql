-- $1 prefix, $2 namespace, $3 ids (array as text). Rows of id and value. One by one, so that no plan reads the namespace instead.
select r.id, r.value::text from unnest($3::text::text[]) as i (id) cross join lateral (
  select x.id, x.value from @records x where x.prefix = $1 and x.namespace = $2 and x.id = i.id limit 1) r
