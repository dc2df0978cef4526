-- See insert_job in migrations/002-jobs.sql.
select @insert_job($1, $2, $3::jsonb, $4::uuid, $5::bool, $6::text, $7::text, $8::text, $9::text) as answer
