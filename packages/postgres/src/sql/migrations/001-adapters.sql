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
-- Any field, by equality; not for the jobs of a composed store, which are written several times each and looked for by the fields below.
create index #records_fields on @records using gin (value jsonb_path_ops) where namespace not like '%:%:%:jobs';
-- What filters of jobs name, as `storage-query.ts` writes it: few and partial, since each is written again with every write of a record.
create index #records_state on @records (prefix, namespace, (left(value ->> 'state', 100) collate "C"),
  (left(case when value ->> 'state' = 'running' then value ->> 'worker' else value ->> 'type' end, 100) collate "C")) where value ->> 'state' <> 'gone';
create index #records_dispatch on @records (prefix, namespace, (left(value ->> 'dispatch', 100) collate "C"), id) where value ->> 'dispatch' is not null;
create index #records_entity on @records (prefix, namespace, (left(value ->> 'entityId', 100) collate "C"), id) where value ->> 'entityId' is not null;
create index #records_schedule on @records (prefix, namespace, (left(value ->> 'schedule', 100) collate "C"), id) where value ->> 'schedule' is not null;
-- jobs of a composed store live here too
alter table @records set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 20000
);

-- Each item by itself: stored iff the record's rev is the expected one, or iff there is none when none is expected. Each record is found by
-- the primary key and then by its place: a plan for a join of arrays, made while the table was small, takes seconds for a thousand
-- later, and a loop of updates takes a quarter longer. A record that another writer moves meanwhile is not at its place any more, and is
-- looked at again. Returns the ids that were stored.
create function @compare_and_set(
  of_prefix text, of_namespace text, ids text[], expected int8[], revs int8[], prune_ats float8[], texts text[]
) returns setof text language plpgsql volatile
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  done text[] := '{}';
  now_done text[];
begin
  for tries in 1..5 loop
    with u as (
      update @records r set rev = i.rev, prune_at = i.prune_at, value = i.value::jsonb
      from unnest(ids, expected, revs, prune_ats, texts) as i (id, expected, rev, prune_at, value) cross join lateral (
        select x.ctid as place from @records x where x.prefix = of_prefix and x.namespace = of_namespace and x.id = i.id limit 1) f
      where i.expected is not null and r.ctid = f.place and r.rev = i.expected and (tries = 1 or i.id <> all (done))
      returning r.id
    )
    select array_agg(u.id) into now_done from u;
    return query select d.id from unnest(now_done) as d (id);
    done := done || now_done;
    exit when cardinality(done) = cardinality(ids) or not exists (
      select from unnest(ids, expected) as i (id, expected) cross join lateral (
        select x.rev from @records x where x.prefix = of_prefix and x.namespace = of_namespace and x.id = i.id limit 1) r
      where i.expected is not null and r.rev = i.expected and i.id <> all (done));
  end loop;
  return query
    insert into @records as r (prefix, namespace, id, rev, prune_at, value)
    select of_prefix, of_namespace, i.id, i.rev, i.prune_at, i.value::jsonb
    from unnest(ids, expected, revs, prune_ats, texts) as i (id, expected, rev, prune_at, value) where i.expected is null
    on conflict (prefix, namespace, id) do nothing
    returning r.id;
end
$$;

-- Locked first: a statement does not see where another writer has moved a record meanwhile, but the next one does. Returns the ids of
-- what was there.
create function @delete_records(of_prefix text, of_namespace text, ids text[]) returns setof text language plpgsql volatile
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  places tid[] := array(
    select r.place from unnest(ids) as i (id) cross join lateral (
      select x.ctid as place from @records x where x.prefix = of_prefix and x.namespace = of_namespace and x.id = i.id limit 1 for update) r);
begin
  return query delete from @records r where r.ctid = any (places) returning r.id;
end
$$;

-- What a patch makes of a record's value, whose rev becomes `next`.
create function @patched(value jsonb, next int8, sets jsonb, drops text[], counter text, rev_to text) returns jsonb language sql stable as $$
  select case when value ?| drops then value - drops else value end || (sets || case
    when counter is null and rev_to is null then jsonb_build_object('rev', next)
    else jsonb_build_object('rev', next, coalesce(rev_to, 'rev'), next, coalesce(counter, 'rev'),
      case when counter is null then next
        when jsonb_typeof(value -> counter) = 'number' then (value ->> counter)::numeric + 1 else 1 end) end)
$$;

-- Whether it has an integer `rev`, which then is the column's (0 is that of records without one, too), and is as the patch wants it.
create function @may_patch(value jsonb, rev int8, all_have jsonb, have text, lacks text) returns bool language sql stable as $$
  select value @> all_have and (have = '-' or value @> have::jsonb) and (lacks is null or not value ?| lacks::text[])
    and (rev <> 0 or value -> 'rev' = '0')
$$;

-- `finishedAt`, without that field `createdAt`, as epoch milliseconds; null when it is no instant.
create function @prune_instant(value jsonb) returns float8 language sql immutable as $$
  select case when jsonb_typeof(i.at) = 'number' then i.at::float8
    when jsonb_typeof(i.at) = 'object' and jsonb_typeof(i.at -> '$date') = 'number' and i.at - '$date' = '{}' then (i.at -> '$date')::float8 end
  from (select case when value ? 'finishedAt' then value -> 'finishedAt' else value -> 'createdAt' end as at) i
$$;

-- Each item by itself: changes a record where it has what it must have and lacks what it must lack. What items have in common is their
-- shape: what all of them must have and set alike, the fields that must be missing and that are dropped (arrays as text), the one that
-- counts, the one that gets the new rev, and what becomes of `prune_at`: 0 it stays, 1 it is the item's, 2 the value tells. What an item must have
-- and sets besides is JSON, `-` where there is nothing. Records are found as by @compare_and_set; a record that somebody else changed at
-- the same time is looked at again. Returns the ids of what was changed, with `reads` also the values. Without `lasting` nobody waits until it is
-- on disk: a crash of the server may forget it. With `fresh` the rev is greater than those that were forgotten, too.
create function @patch_records(
  of_prefix text, of_namespace text, ids text[], shapes int4[], haves text[], sets text[], prune_ats float8[],
  all_have jsonb[], all_set jsonb[], lacks text[], drops text[], counters text[], revs_to text[], prunes int4[], reads bool, lasting bool, fresh bool
) returns table (patched_id text, patched_value text) language plpgsql volatile
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  done text[] := '{}';
  now_done text[];
  values_done text[];
  least_rev int8 := case when fresh then @now_us() else 0 end;
begin
  if not lasting then perform set_config('synchronous_commit', 'off', true); end if;
  for tries in 1..5 loop
    with u as (
      update @records r set rev = greatest(r.rev + 1, least_rev),
        value = @patched(r.value, greatest(r.rev + 1, least_rev), case i.sets when '-' then all_set[i.shape] else all_set[i.shape] || i.sets::jsonb end,
          drops[i.shape]::text[], counters[i.shape], revs_to[i.shape]),
        prune_at = case prunes[i.shape] when 0 then r.prune_at when 1 then i.prune_at else @prune_instant(
          @patched(r.value, greatest(r.rev + 1, least_rev), case i.sets when '-' then all_set[i.shape] else all_set[i.shape] || i.sets::jsonb end,
            drops[i.shape]::text[], counters[i.shape], revs_to[i.shape])) end
      from unnest(ids, shapes, haves, sets, prune_ats) as i (id, shape, have, sets, prune_at) cross join lateral (
        select x.ctid as place from @records x where x.prefix = of_prefix and x.namespace = of_namespace and x.id = i.id limit 1) f
      where r.ctid = f.place and @may_patch(r.value, r.rev, all_have[i.shape], i.have, lacks[i.shape]) and (tries = 1 or i.id <> all (done))
      returning r.id, case when reads then r.value::text end as value
    )
    select array_agg(u.id), array_agg(u.value) into now_done, values_done from u;
    return query select d.id, d.value from unnest(now_done, values_done) as d (id, value);
    done := done || now_done;
    exit when cardinality(done) = cardinality(ids) or not exists (
      select from unnest(ids, shapes, haves) as i (id, shape, have) cross join lateral (
        select x.rev, x.value from @records x where x.prefix = of_prefix and x.namespace = of_namespace and x.id = i.id limit 1) r
      where i.id <> all (done) and @may_patch(r.value, r.rev, all_have[i.shape], i.have, lacks[i.shape]));
  end loop;
end
$$;

-- @patch_records of one record, without what only many need: its way is a third of theirs. Somebody who changes it at the same time is waited for, and
-- it is judged as they left it. With `prunes` its `prune_at` becomes `pruned_at`, else it stays. Returns null where nothing was changed, else
-- the value, or '' without `reads`. A plan that was made while the table was small must not read it all.
create function @patch_record(
  of_prefix text, of_namespace text, of_id text, have jsonb, lacks text, sets jsonb, drops text[], counter text, rev_to text,
  prunes bool, pruned_at float8, reads bool, lasting bool, fresh bool
) returns text language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  answer text := case when not lasting then set_config('synchronous_commit', 'off', true) end;
  least_rev int8 := case when fresh then @now_us() else 0 end;
begin
  update @records r set rev = greatest(r.rev + 1, least_rev), value = @patched(r.value, greatest(r.rev + 1, least_rev), sets, drops, counter, rev_to),
    prune_at = case when prunes then pruned_at else r.prune_at end
  where r.prefix = of_prefix and r.namespace = of_namespace and r.id = of_id and @may_patch(r.value, r.rev, have, '-', lacks)
  returning case when reads then r.value::text else '' end into answer;
  return answer;
end
$$;

-- Each record is looked up once, so that remembering them costs and saves nothing. Servers before 14 do not.
do $$ begin
  if current_setting('server_version_num')::int4 >= 140000 then
    alter function @compare_and_set set enable_memoize = off;
    alter function @patch_records set enable_memoize = off;
  end if;
end $$;

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
-- queue nothing is given. With `most_active` no more than that are leased at once, over every session. They are locked, then written where
-- they lie: no plan may look for them by id, which one that was made while there were few does by reading all. Plans are made at every call,
-- for the table as it is then: it grows and shrinks by orders within a minute. Nor may one sort what waits: while the server believes that
-- hardly anything does (it last counted when a queue had just been worked off), it takes the smallest index for the quickest, read from end to end.
create function @claim_entries(
  of_prefix text, of_name text, by_consumer text, most int4, lease_ms float8, strategy text, most_active int8
) returns table (id text, receipt uuid, deliveries int4, due int8) language plpgsql volatile
set plan_cache_mode = force_custom_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
declare
  this_queue int8;
  is_paused bool;
  room int4 := most;
  now_at int8;
  places tid[];
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
    where e.ctid = any (array(
      select x.ctid from @entries x where x.queue = this_queue and x.until <= now_at
      order by x.until limit 1000 for update skip locked));
  if most_active is not null then
    room := least(most, most_active - (select count(*) from @entries e where e.queue = this_queue and e.until > now_at));
    if room <= 0 then return; end if;
  end if;
  places := array(
    select p.place from (
      select e.place from generate_series(-20, 20) as ranks (rank) cross join lateral (
        select x.ctid as place from @entries x
        where x.queue = this_queue and x.until is null and x.rank = ranks.rank and x.due <= now_at
        order by x.due, x.seq limit room for update skip locked
      ) e where strategy = 'priority' limit room
    ) p
    union all
    select p.place from (
      select x.ctid as place from @entries x
      where strategy = 'fifo' and x.queue + 0 = this_queue and x.until is null and x.due <= now_at
      order by x.due, x.seq limit room for update skip locked
    ) p
    union all
    select p.place from (
      select x.ctid as place from @entries x
      where strategy = 'lifo' and x.queue + 0 = this_queue and x.until is null and x.due <= now_at
      order by x.due desc, x.seq desc limit room for update skip locked
    ) p);
  return query
  with leased as (
    update @entries e set until = @after_us(lease_ms), consumer = by_consumer, receipt = gen_random_uuid(),
      deliveries = e.deliveries + 1
    where e.ctid = any (places)
    returning e.id, e.receipt, e.deliveries, e.due, e.rank, e.seq
  )
  select l.id, l.receipt, l.deliveries, l.due from leased l
  order by case when strategy = 'priority' then l.rank end,
    case when strategy = 'lifo' then -l.due else l.due end, case when strategy = 'lifo' then -l.seq else l.seq end;
end
$$;

-- Removes ids; one with a receipt only while it proves the live lease. Locked first, as by @delete_records. Returns what was removed.
create function @ack_entries(of_prefix text, of_name text, ids text[], receipts text[])
returns table (id text, receipt text) language plpgsql volatile set plan_cache_mode = force_custom_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  places tid[] := array(
    select e.place from @queues q cross join unnest(ids, receipts) as i (id, receipt) cross join lateral (
      select x.ctid as place from @entries x where x.id = i.id and x.queue = q.id
        and (i.receipt is null or (x.receipt::text = i.receipt and x.until > @now_us())) limit 1 for update) e
    where q.prefix = of_prefix and q.name = of_name);
begin
  return query delete from @entries e where e.ctid = any (places) returning e.id, e.receipt::text;
end
$$;

-- Sets the end of this consumer's live leases. One that has ended stays ended, even if nobody has claimed the id since. Locked first, as by
-- @delete_records. Returns whose lease goes on.
create function @extend_entries(of_prefix text, of_name text, of_consumer text, lease_ms float8, ids text[], receipts text[])
returns table (id text, receipt text) language plpgsql volatile set plan_cache_mode = force_custom_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  places tid[] := array(
    select e.place from @queues q cross join unnest(ids, receipts) as i (id, receipt) cross join lateral (
      select x.ctid as place from @entries x where x.id = i.id and x.queue = q.id and x.consumer = of_consumer
        -- not `until > now`: no plan may look through all that is leased
        and coalesce(x.until, 0) > @now_us() and (i.receipt is null or x.receipt::text = i.receipt) limit 1 for update) e
    where q.prefix = of_prefix and q.name = of_name);
begin
  return query update @entries e set until = @after_us(lease_ms) where e.ctid = any (places) returning e.id, e.receipt::text;
end
$$;

-- Gives leased ids back, due after a delay, with their priority, behind their equals; one with a receipt only while it proves the live
-- lease. Ids that nobody has leased stay as they are. Rows: what was given back.
create function @nack_entries(of_prefix text, of_name text, ids text[], delays float8[], receipts text[])
returns table (id text, receipt text) language plpgsql volatile set plan_cache_mode = force_custom_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  this_queue int8;
  item record;
begin
  select q.id into this_queue from @queues q where q.prefix = of_prefix and q.name = of_name;
  for item in select i.* from unnest(ids, delays, receipts) as i (id, delay, receipt) loop
    update @entries e set due = @after_us(item.delay), seq = default, until = null, consumer = null, receipt = null
      -- not `is not null`: as in @extend_entries
      where e.id = item.id and e.queue = this_queue and coalesce(e.until, 0) > 0
        and (item.receipt is null or (e.receipt::text = item.receipt and e.until > @now_us()));
    if found then
      id := item.id;
      receipt := item.receipt;
      return next;
    end if;
  end loop;
end
$$;
