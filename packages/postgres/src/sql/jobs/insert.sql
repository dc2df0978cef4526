-- See insert_jobs in migrations/002-jobs.sql. Rows: the ids that were known.
select unnest(@insert_jobs($1, $2, $3::jsonb, $4::int4[], $5::uuid[], $6::bool, $7::text, $8::text, $9::float8[], $10::float8[], $11::float8[], $12::float8[]))::text as id
