-- See change_jobs in migrations/004-job-workers.sql.
select * from @change_jobs($1, $2, $3::uuid[], $4, $5, $6::float8, $7::float8)
