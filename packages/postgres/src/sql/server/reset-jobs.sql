-- Deletes every job of every scope under a prefix. The names of scopes, types and kinds stay. $1 prefix.
with s as materialized (select id from @scopes where prefix = $1),
  t as materialized (select id from @types where scope in (select id from s)),
  d1 as (delete from @ready where type in (select id from t)),
  d2 as (delete from @future where type in (select id from t)),
  d3 as (delete from @tallies where type in (select id from t)),
  d4 as (delete from @jobs where scope in (select id from s)),
  d5 as (delete from @leases where scope in (select id from s)),
  d6 as (delete from @workers where scope in (select id from s)),
  d7 as (delete from @endings where scope in (select id from s)),
  d8 as (delete from @forgets where scope in (select id from s)),
  d9 as (delete from @expiring where scope in (select id from s)),
  d10 as (delete from @cancels where scope in (select id from s)),
  d11 as (delete from @opens where scope in (select id from s)),
  d12 as (delete from @takers where type in (select id from t))
update @types set paused = false, limited = false where scope in (select id from s)
