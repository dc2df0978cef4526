-- Deletes everything of storage, queues and locks under a prefix, and nothing else. $1 prefix.
with old_queues as (delete from @queues where prefix = $1 returning id),
  old_entries as (delete from @entries where queue in (select id from @queues where prefix = $1)),
  old_records as (delete from @records where prefix = $1),
  old_locks as (delete from @locks where prefix = $1)
delete from @incarnations where prefix = $1
