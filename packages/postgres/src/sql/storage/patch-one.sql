-- See patch_record in migrations/001-adapters.sql. $1 prefix, $2 namespace, $3 id; as text: $4 what must be there, $5 what must be missing,
-- $6 what is set, $7 what is dropped; $8 counter, $9 field for the rev, $10 whether $11 (as text) is the instant to prune by, $12 whether to
-- read, $13 whether it must outlive a crash, $14 whether the rev is to be a fresh one.
select @patch_record($1, $2, $3, $4::text::jsonb, $5::text, $6::text::jsonb, $7::text::text[], $8::text, $9::text, $10::bool, $11::text::float8,
  $12::bool, $13::bool, $14::bool) as value
