-- $1 prefix, $2 name, $3 consumer, $4 most, $5 lease in ms, $6 strategy, $7 most leased at once or null.
-- Rows of id, receipt, deliveries and due, in order.
select * from @claim_entries($1, $2, $3, $4::int4, $5::float8, $6, $7::int8)
