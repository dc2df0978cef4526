-- See nack_entries in migrations/001-adapters.sql.
select * from @nack_entries($1, $2, $3::text[], $4::float8[], $5::text[])
