-- See sweep in migrations/004-job-workers.sql.
select * from @sweep($1, $2, $3::int4, $4::float8, $5::float8)
