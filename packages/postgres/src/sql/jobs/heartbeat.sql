-- See heartbeat in migrations/004-job-workers.sql.
select * from @heartbeat($1, $2, $3, $4::float8, $5, $6::float8, $7, $8::uuid[], $9::int8[])
