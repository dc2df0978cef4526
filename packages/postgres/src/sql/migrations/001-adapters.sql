-- Storage, queues and locks. Instants are microseconds since 1970 by the server's clock; text that is compared or ordered is so by bytes.

create function @now_us() returns int8 language sql volatile as
$$ select (extract(epoch from clock_timestamp()) * 1000000)::int8 $$;

-- `ms` from now, never early, and never past what a double counts exactly.
create function @after_us(ms float8) returns int8 language sql volatile as
$$ select least((extract(epoch from clock_timestamp()) * 1000000)::float8 + ceil(ms * 1000), 9007199254740991)::int8 $$;

-- Another value means that the data of the prefix was lost.
create table @incarnations (
  prefix text collate "C" primary key,
  value uuid not null
);

create table @records (
  prefix text collate "C" not null,
  namespace text collate "C" not null,
  id text collate "C" not null,
  -- the record's field `rev`, for compare-and-set
  rev int8 not null,
  -- epoch milliseconds of `finishedAt`, else `createdAt`; null: never pruned
  prune_at float8,
  value jsonb not null,
  primary key (prefix, namespace, id)
);
create index #records_prune on @records (prefix, namespace, prune_at) where prune_at is not null;
create index #records_value on @records using gin (value jsonb_path_ops);

create table @queues (
  id int8 generated always as identity primary key,
  prefix text collate "C" not null,
  name text collate "C" not null,
  paused bool not null default false,
  unique (prefix, name)
);

-- An entry is leased while `until` is in the future, else waiting, or delayed while `due` is. `rank` is the priority negated.
create table @entries (
  queue int8 not null,
  id text collate "C" not null,
  rank int2 not null,
  due int8 not null,
  seq int8 generated always as identity,
  until int8,
  consumer text,
  receipt uuid,
  deliveries int4 not null default 0,
  -- not (queue, id): no plan may find a queue's entries by it and sort them
  primary key (id, queue)
);
create index #entries_ranked on @entries (queue, rank, due, seq) where until is null;
-- `queue + 0`, so that no plan takes this one for a claim by priority: it would scan past, or sort, what waits in other ranks
create index #entries_due on @entries ((queue + 0), due, seq) where until is null;
create index #entries_leased on @entries (queue, until) where until is not null;
alter table @entries set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000
);

-- Leases in the past are kept a day for their token; beyond that the clock keeps tokens growing.
create table @locks (
  prefix text collate "C" not null,
  key text collate "C" not null,
  owner text collate "C" not null,
  until int8 not null,
  token int8 not null,
  primary key (prefix, key)
);
alter table @locks set (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);

-- The queue's number; made where it is missing. Two who make it at once get the same.
create function @queue_id(of_prefix text, of_name text) returns int8 language plpgsql volatile as $$
declare
  found_id int8;
begin
  select q.id into found_id from @queues q where q.prefix = of_prefix and q.name = of_name;
  if found_id is null then
    insert into @queues (prefix, name) values (of_prefix, of_name) on conflict (prefix, name) do nothing
      returning id into found_id;
    if found_id is null then
      select q.id into found_id from @queues q where q.prefix = of_prefix and q.name = of_name;
    end if;
  end if;
  return found_id;
end
$$;

-- Leases up to `most` entries in order to one consumer, those whose lease ended among them. Two claims never get one id; of a paused
-- queue nothing is given. With `most_active` no more than that are leased at once, over every session.
create function @claim_entries(
  of_prefix text, of_name text, by_consumer text, most int4, lease_ms float8, strategy text, most_active int8
) returns table (id text, receipt uuid, deliveries int4, due int8) language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  this_queue int8;
  is_paused bool;
  room int4 := most;
  now_at int8;
begin
  if most_active is null then
    select q.id, q.paused into this_queue, is_paused from @queues q where q.prefix = of_prefix and q.name = of_name;
  else
    select q.id, q.paused into this_queue, is_paused from @queues q
      where q.prefix = of_prefix and q.name = of_name for update;
  end if;
  if this_queue is null or is_paused then return; end if;
  now_at := @now_us();
  update @entries e set until = null, consumer = null, receipt = null
    where e.queue = this_queue and e.until is not null and e.id = any (array(
      select x.id from @entries x where x.queue = this_queue and x.until <= now_at
      order by x.until limit 1000 for update skip locked));
  if most_active is not null then
    room := least(most, most_active - (select count(*) from @entries e where e.queue = this_queue and e.until > now_at));
    if room <= 0 then return; end if;
  end if;
  return query
  with picked as materialized (
    select p.id from (
      select e.id from generate_series(-20, 20) as ranks (rank) cross join lateral (
        select x.id from @entries x
        where x.queue = this_queue and x.until is null and x.rank = ranks.rank and x.due <= now_at
        order by x.due, x.seq limit room for update skip locked
      ) e where strategy = 'priority' limit room
    ) p
    union all
    select p.id from (
      select x.id from @entries x
      where strategy = 'fifo' and x.queue + 0 = this_queue and x.until is null and x.due <= now_at
      order by x.due, x.seq limit room for update skip locked
    ) p
    union all
    select p.id from (
      select x.id from @entries x
      where strategy = 'lifo' and x.queue + 0 = this_queue and x.until is null and x.due <= now_at
      order by x.due desc, x.seq desc limit room for update skip locked
    ) p
  ), leased as (
    update @entries e set until = @after_us(lease_ms), consumer = by_consumer, receipt = gen_random_uuid(),
      deliveries = e.deliveries + 1
    from picked p where e.queue = this_queue and e.id = p.id
    returning e.id, e.receipt, e.deliveries, e.due, e.rank, e.seq
  )
  select l.id, l.receipt, l.deliveries, l.due from leased l
  order by case when strategy = 'priority' then l.rank end,
    case when strategy = 'lifo' then -l.due else l.due end, case when strategy = 'lifo' then -l.seq else l.seq end;
end
$$;
