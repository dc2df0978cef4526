-- One record, if there is none. $1 prefix, $2 namespace, $3 id; as text: $4 rev, $5 instant to prune by, $6 value.
insert into @records (prefix, namespace, id, rev, prune_at, value)
values ($1, $2, $3, $4::text::int8, $5::text::float8, $6::text::jsonb) on conflict (prefix, namespace, id) do nothing returning id
