-- Replaces whole records; the last writer wins. The caller names each id once, in byte order, so that writers do not deadlock.
-- $1 prefix, $2 namespace, arrays: $3 ids, $4 revs, $5 instants to prune by, $6 values.
insert into @records (prefix, namespace, id, rev, prune_at, value)
select $1, $2, r.id, r.rev, r.prune_at, r.value::jsonb
from unnest($3::text[], $4::int8[], $5::float8[], $6::text[]) as r (id, rev, prune_at, value)
on conflict (prefix, namespace, id) do update
set rev = excluded.rev, prune_at = excluded.prune_at, value = excluded.value
