-- See patch_records in migrations/001-adapters.sql. The caller names each id once, in byte order, so that writers do not deadlock.
-- Arrays as text: $3 ids, $4 shapes, $7 instants to prune by, $14 what to prune by; by lines: $5 what must be there and $6 what is set,
-- besides $8 and $9, which all of a shape have in common. Of the shapes: $10 lacks, $11 drops, $12 counters, $13 fields for the rev.
-- $1 prefix, $2 namespace, $15 whether to read, $16 whether it must outlive a crash, $17 whether the rev is to be a fresh one.
select patched_id, patched_value from @patch_records($1, $2, $3::text::text[], $4::text::int4[], string_to_array($5::text, e'\n'),
  string_to_array($6::text, e'\n'), $7::text::float8[], $8::jsonb[], $9::jsonb[], $10::text[], $11::text[], $12::text[], $13::text[],
  $14::text::int4[], $15::bool, $16::bool, $17::bool)
