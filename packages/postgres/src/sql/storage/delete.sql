-- $1 prefix, $2 namespace, $3 ids. One row for each that was there.
delete from @records where prefix = $1 and namespace = $2 and id = any ($3::text[]) returning 1
