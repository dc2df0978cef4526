-- Removes ids; one with a receipt only while it proves the live lease. $1 prefix, $2 name, $3 ids, $4 receipts or nulls.
-- Rows: the items that were removed, as id and receipt.
delete from @entries e using @queues q, unnest($3::text[], $4::text[]) as i (id, receipt)
where q.prefix = $1 and q.name = $2 and e.queue = q.id and e.id = any ($3::text[]) and e.id = i.id
  and (i.receipt is null or (e.receipt::text = i.receipt and e.until > @now_us()))
returning i.id, i.receipt
