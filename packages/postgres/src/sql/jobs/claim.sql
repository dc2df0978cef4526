-- See claim_type in migrations/003-job-claims.sql.
select * from @claim_type($1, $2, $3, $4, $5::int4, $6::int8[], $7::int8, $8::int4)
