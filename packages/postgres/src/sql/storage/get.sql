-- $1 prefix, $2 namespace, $3 ids. Rows of id and value.
select id, value::text from @records where prefix = $1 and namespace = $2 and id = any ($3::text[])
