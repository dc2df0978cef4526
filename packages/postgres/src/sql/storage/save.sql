-- Replaces whole records; the last writer wins. The caller names each id once, in byte order, so that writers do not deadlock.
-- $1 prefix, $2 namespace, $3 ids (array as text); arrays as text: $4 revs, $5 instants to prune by; $6 values by lines.
insert into @records (prefix, namespace, id, rev, prune_at, value)
select $1, $2, r.id, r.rev, r.prune_at, r.value::jsonb
from unnest($3::text::text[], $4::text::int8[], $5::text::float8[], string_to_array($6::text, e'\n')) as r (id, rev, prune_at, value)
on conflict (prefix, namespace, id) do update
set rev = excluded.rev, prune_at = excluded.prune_at, value = excluded.value
