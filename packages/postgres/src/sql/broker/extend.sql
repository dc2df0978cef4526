-- Sets the end of this consumer's live leases. One that has ended stays ended, even if nobody has claimed the id since.
-- $1 prefix, $2 name, $3 consumer, $4 lease in ms, $5 ids, $6 receipts or nulls. Rows: the items whose lease goes on, as id and receipt.
update @entries e set until = @after_us($4)
from @queues q, unnest($5::text[], $6::text[]) as i (id, receipt)
where q.prefix = $1 and q.name = $2 and e.queue = q.id and e.id = any ($5::text[]) and e.id = i.id and e.consumer = $3 and e.until > @now_us()
  and (i.receipt is null or e.receipt::text = i.receipt)
returning i.id, i.receipt
