-- Each item by itself: stored iff the record's rev is the expected one, or iff there is none when none is expected. A rev is compared
-- again after a wait for another writer. The caller names each id once.
-- $1 prefix, $2 namespace, arrays: $3 ids, $4 expected revs (null: no record), $5 revs, $6 instants to prune by, $7 values.
-- Rows: the ids that were stored.
with items as (
  select * from unnest($3::text[], $4::int8[], $5::int8[], $6::float8[], $7::text[])
    as i (id, expected, rev, prune_at, value)
), replaced as (
  update @records r set rev = i.rev, prune_at = i.prune_at, value = i.value::jsonb
  from items i
  where i.expected is not null and r.prefix = $1 and r.namespace = $2 and r.id = any ($3::text[]) and r.id = i.id and r.rev = i.expected
  returning r.id
), added as (
  insert into @records (prefix, namespace, id, rev, prune_at, value)
  select $1, $2, i.id, i.rev, i.prune_at, i.value::jsonb from items i where i.expected is null
  on conflict (prefix, namespace, id) do nothing
  returning id
)
select id from replaced union all select id from added
