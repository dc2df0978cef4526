-- See settle_jobs in migrations/003-job-claims.sql.
select * from @settle_jobs($1, $2, $3::uuid[], $4::int8[], $5::text[], $6::"char"[], $7::float8[], $8::text, $9::text, $10, $11::int4, $12::text[], $13::int4[], $14::int8[], $15::int8[], $16::int8[], $17::int8, $18::int4)
