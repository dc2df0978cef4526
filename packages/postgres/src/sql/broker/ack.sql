-- See ack_entries in migrations/001-adapters.sql. $1 prefix, $2 name, $3 ids, $4 receipts or nulls.
select * from @ack_entries($1, $2, $3::text[], $4::text[])
