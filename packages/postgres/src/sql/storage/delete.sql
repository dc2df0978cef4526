-- See delete_records in migrations/001-adapters.sql. $1 prefix, $2 namespace, $3 ids (array as text). One row for each that was there.
select @delete_records($1, $2, $3::text::text[])
