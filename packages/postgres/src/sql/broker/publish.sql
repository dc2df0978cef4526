-- Makes each id claimable after its delay. One entry an id: of a waiting or delayed one the earlier due and the higher priority win; one
-- under a live lease is left alone. Works while paused. The caller names each id once.
-- $1 prefix, $2 name, arrays: $3 ids, $4 delays in ms, $5 priorities.
with queue as materialized (select @queue_id($1, $2) as id)
insert into @entries as e (queue, id, rank, due)
select q.id, i.id, -i.priority, @after_us(i.delay)
from queue q, unnest($3::text[], $4::float8[], $5::int2[]) with ordinality as i (id, delay, priority, place)
order by i.place
on conflict (id, queue) do update set
  due = least(e.due, excluded.due), rank = least(e.rank, excluded.rank), until = null, consumer = null, receipt = null
where (e.until is null and (excluded.due < e.due or excluded.rank < e.rank)) or e.until <= @now_us()
