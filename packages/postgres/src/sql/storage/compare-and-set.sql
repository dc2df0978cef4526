-- See compare_and_set in migrations/001-adapters.sql. The caller names each id once, in byte order, so that writers do not deadlock.
-- $1 prefix, $2 namespace, $3 ids (array as text); arrays as text: $4 revs, $5 instants to prune by; $6 values by lines, $7 expected revs as $4.
select @compare_and_set($1, $2, $3::text::text[], $7::text::int8[], $4::text::int8[], $5::text::float8[], string_to_array($6::text, e'\n')) as id
