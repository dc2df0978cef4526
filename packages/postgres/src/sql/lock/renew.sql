-- Only the live owner renews. $1 prefix, $2 key, $3 owner, $4 ms. A row when it did.
update @locks set until = @after_us($4) where prefix = $1 and key = $2 and owner = $3 and until > @now_us() returning 1
