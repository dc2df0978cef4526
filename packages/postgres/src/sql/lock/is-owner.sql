-- $1 prefix, $2 key, $3 owner. A row when the lease is live.
select 1 from @locks where prefix = $1 and key = $2 and owner = $3 and until > @now_us()
