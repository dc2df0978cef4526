-- Gives leased ids back, due after a delay, with their priority, behind their equals; one with a receipt only while it proves the live
-- lease. Ids that nobody has leased stay as they are. $1 prefix, $2 name, arrays: $3 ids, $4 delays in ms, $5 receipts or nulls.
-- Rows: the items that were given back, as id and receipt.
update @entries e set due = @after_us(i.delay), seq = default, until = null, consumer = null, receipt = null
from @queues q, unnest($3::text[], $4::float8[], $5::text[]) as i (id, delay, receipt)
where q.prefix = $1 and q.name = $2 and e.queue = q.id and e.id = any ($3::text[]) and e.id = i.id and e.until is not null
  and (i.receipt is null or (e.receipt::text = i.receipt and e.until > @now_us()))
returning i.id, i.receipt
