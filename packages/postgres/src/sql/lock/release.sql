-- Ends the caller's own lease; the row stays for its token. $1 prefix, $2 key, $3 owner.
update @locks set until = least(until, @now_us()) where prefix = $1 and key = $2 and owner = $3
