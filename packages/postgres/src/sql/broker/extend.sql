-- See extend_entries in migrations/001-adapters.sql. $1 prefix, $2 name, $3 consumer, $4 lease in ms, $5 ids, $6 receipts or nulls.
select * from @extend_entries($1, $2, $3, $4::float8, $5::text[], $6::text[])
