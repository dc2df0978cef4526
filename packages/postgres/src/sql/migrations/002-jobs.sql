-- Jobs. A body is written once and stays until its id is forgotten; what becomes of the job lies in narrow tables beside it:
--
--   ready      pending and due: claims delete from it in the order of its index
--   future     pending and not due: claims first move what came due to `ready`
--   leases     running: one row a claim and kind, with the ids it still holds; `fence` proves it and grows with every claim
--   endings    finished and kept
--   forgets    finished and not kept: their bodies go when their ids need not be known any more
--
-- A job that is in none of them is gone to every reader, and known to inserts. `rank` is the priority negated. Instants are microseconds.

create table @scopes (
  id int4 generated always as identity primary key,
  prefix text collate "C" not null,
  name text collate "C" not null,
  unique (prefix, name)
);

create table @types (
  id int4 generated always as identity primary key,
  scope int4 not null,
  name text collate "C" not null,
  paused bool not null default false,
  -- somebody was refused a place by `maxActive`, and is to be woken when one is free
  limited bool not null default false,
  unique (scope, name)
);

-- What jobs of a type have in common: few rows, so that a job's own is short.
create table @kinds (
  id int4 generated always as identity primary key,
  type int4 not null,
  rank int2 not null,
  -- [maxRetries, maxCrashes, at most once, rememberMs, then age in ms and count of completed, failed and cancelled]; nulls: no bound
  settings jsonb not null,
  unique (type, rank, settings)
);

create table @jobs (
  id uuid not null,
  due int8 not null,
  scope int4 not null,
  kind int4 not null,
  -- {n: id where it is no uuid, c: created where that is not due, e: entity, s: schedule, d: due of the occurrence, o: options as text}
  extra jsonb,
  -- {a: attempts, f: failures, c: crashes, x: fence, e: error as text} before the current claim
  past jsonb,
  expires int8,
  payload text not null,
  primary key (id, scope)
);
alter table @jobs alter payload set storage external;
create index #jobs_entity on @jobs (scope, (extra ->> 'e')) where extra ? 'e';
create index #jobs_schedule on @jobs (scope, (extra ->> 's')) where extra ? 's';

create table @ready (due int8 not null, id uuid not null, type int4 not null, rank int2 not null, expires int8);
create index #ready_order on @ready (type, rank, due);

create table @future (due int8 not null, id uuid not null, type int4 not null, rank int2 not null, expires int8);
create index #future_due on @future (type, due);

create table @leases (
  fence int8 generated always as identity primary key,
  scope int4 not null,
  type int4 not null,
  kind int4 not null,
  worker int4 not null,
  claimed int8 not null,
  ids uuid[] not null
);
alter table @leases alter ids set storage external;
create index #leases_type on @leases (type);
create index #leases_worker on @leases (worker);

-- Holds one row, until the server crashes: what is not logged is empty then. See settle_jobs.
create unlogged table @fences (kept bool primary key);
insert into @fences values (true);
-- A crash of the server may have forgotten the claims of these fences. Those behind `since` up to `until` are not given out again.
create table @forgotten (since int8 not null, until int8 not null);

create table @workers (
  id int4 generated always as identity primary key,
  scope int4 not null,
  name text collate "C" not null,
  until int8 not null,
  dead bool not null default false,
  info text,
  unique (scope, name)
);

-- Claims that stay open, one a worker at most, until its next: a job that comes alone meanwhile, of one of these types, is claimed for it by
-- the insert, under this very fence. `hub` locks while the LISTEN connection of the worker's process lives; `nth` is the claim's number there.
create unlogged table @opens (
  worker int4 primary key,
  scope int4 not null,
  fence int8 not null,
  since int8 not null,
  hub int8 not null,
  nth int4 not null,
  types int4[] not null
);
-- Of each open claim one row for each of its types.
create unlogged table @takers (type int4 not null, since int8 not null, worker int4 not null);
create index #takers_since on @takers (type, since);

create table @endings (
  scope int4 not null,
  id uuid not null,
  type int4 not null,
  kind int4 not null,
  state "char" not null,
  finished int8 not null,
  prune_at int8,
  attempt int4 not null,
  failures int4 not null,
  crashes int4 not null,
  fence int8 not null,
  started int8,
  reason text,
  result text,
  error text,
  primary key (scope, id)
);
create index #endings_kept on @endings (type, state, finished);
create index #endings_prune on @endings (scope, prune_at) where prune_at is not null;

create table @forgets (scope int4 not null, until int8 not null, ids uuid[] not null);
alter table @forgets alter ids set storage external;
create index #forgets_until on @forgets (scope, until);

create table @expiring (scope int4 not null, id uuid not null, expires int8 not null, primary key (scope, id));
create index #expiring_expires on @expiring (scope, expires);

create table @cancels (scope int4 not null, id uuid not null, reason text, primary key (scope, id));

-- Counters, as differences: nobody waits for anybody's counter. Sweeps add them up.
create table @tallies (
  type int4 not null,
  pending int8 not null default 0,
  completed int8 not null default 0,
  failed int8 not null default 0,
  cancelled int8 not null default 0,
  duration float8 not null default 0
);
create index #tallies_type on @tallies (type);

do $$
declare
  hot text;
begin
  foreach hot in array array['@ready', '@future', '@leases', '@jobs', '@tallies', '@forgets', '@endings', '@workers',
    '@expiring', '@cancels', '@opens', '@takers'] loop
    execute format('alter table %s set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000,
      autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 20000,
      autovacuum_vacuum_insert_threshold = 200000)', hot);
  end loop;
end
$$;
alter table @workers set (fillfactor = 50);

create function @scope_id(of_prefix text, of_scope text) returns int4 language plpgsql volatile as $$
declare
  found_id int4;
begin
  loop
    select s.id into found_id from @scopes s where s.prefix = of_prefix and s.name = of_scope;
    if found_id is not null then return found_id; end if;
    insert into @scopes (prefix, name) values (of_prefix, of_scope) on conflict (prefix, name) do nothing;
  end loop;
end
$$;

create function @type_id(of_scope int4, of_name text) returns int4 language plpgsql volatile as $$
declare
  found_id int4;
begin
  loop
    select t.id into found_id from @types t where t.scope = of_scope and t.name = of_name;
    if found_id is not null then return found_id; end if;
    insert into @types (scope, name) values (of_scope, of_name) on conflict (scope, name) do nothing;
  end loop;
end
$$;

-- Of `[type, rank, settings]`.
create function @kind_id(of_scope int4, head jsonb) returns int4 language plpgsql volatile as $$
declare
  found_id int4;
  of_type int4 := @type_id(of_scope, head ->> 0);
begin
  loop
    select k.id into found_id from @kinds k
      where k.type = of_type and k.rank = (head ->> 1)::int2 and k.settings = head -> 2;
    if found_id is not null then return found_id; end if;
    insert into @kinds (type, rank, settings) values (of_type, (head ->> 1)::int2, head -> 2)
      on conflict (type, rank, settings) do nothing;
  end loop;
end
$$;

-- Inserts one job that is due now, in the few steps that this takes. Where a channel is given it notifies by its commit, or hands the job to
-- a worker whose claim is open: then nobody else needs to hear of it. `fresh`: nobody has seen the id before. Returns i inserted, h handed
-- over, e its id is known.
create function @insert_job(
  of_prefix text, of_scope text, head jsonb, of_id uuid, fresh bool, of_payload text, of_extra text, channel text, notification text
) returns text language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  s int4;
  of_type int4;
  of_rank int2 := (head ->> 1)::int2;
  of_kind int4;
  due_at int8 := @now_us() + 1;
  is_awaited bool;
begin
  loop
    select x.id, t.id, k.id,
        channel is not null and not t.paused and exists (select from @takers w where w.type = t.id and w.since > due_at - 60000000)
      into s, of_type, of_kind, is_awaited
      from @scopes x join @types t on t.scope = x.id and t.name = head ->> 0
      join @kinds k on k.type = t.id and k.rank = of_rank and k.settings = head -> 2
      where x.prefix = of_prefix and x.name = of_scope;
    exit when of_kind is not null;
    -- the first of its kind
    perform @kind_id(@scope_id(of_prefix, of_scope), head);
  end loop;
  if fresh then
    -- two records of WAL less
    insert into @jobs (id, due, scope, kind, extra, payload) values (of_id, due_at, s, of_kind, of_extra::jsonb, of_payload);
  else
    insert into @jobs (id, due, scope, kind, extra, payload) values (of_id, due_at, s, of_kind, of_extra::jsonb, of_payload)
      on conflict (id, scope) do nothing;
    if not found then return 'e'; end if;
  end if;
  -- one that is lost on its way would have failed without having run, where it must run at most once
  if is_awaited and not (head -> 2 ->> 2)::bool
    and @hand_over(s, of_type, of_kind, of_id, due_at, channel, concat_ws(E'\n', head::text, coalesce(of_extra, ''), of_payload)) then
    return 'h';
  end if;
  insert into @ready (due, id, type, rank) values (due_at, of_id, of_type, of_rank);
  insert into @tallies (type, pending) values (of_type, 1);
  if channel is not null then perform pg_notify(channel, notification); end if;
  return 'i';
end
$$;

-- Claims the job that insert_job has just written for a living worker whose claim is open, the latest first, and notifies its process. Nothing
-- is handed over before what waits: whoever made that ready has woken the worker. Claims that have been open for longer than a minute are left
-- out, so that no insert looks at all that an old snapshot keeps. Plans and settings are insert_job's.
create function @hand_over(s int4, of_type int4, of_kind int4, of_id uuid, due_at int8, channel text, job text)
returns bool language plpgsql volatile as $$
declare
  open record;
begin
  -- NOTIFY takes less than 8,000 bytes
  if octet_length(job) > 7800 then return false; end if;
  with o as materialized (
    select x.* from @takers t join @opens x on x.worker = t.worker and x.since = t.since join @workers w on w.id = x.worker
    where t.type = of_type and t.since > due_at - 60000000 and w.until > due_at and not w.dead
      and not exists (
        select from unnest(x.types) as u (id)
        where exists (select from @ready r where r.type = u.id) or exists (select from @future f where f.type = u.id and f.due <= due_at))
      -- who gets this lock knows that nobody holds it, so nobody listens
      and not pg_try_advisory_xact_lock_shared(x.hub)
    order by t.since desc limit 1 for update of x skip locked
  ), ended as (
    delete from @opens x using o where x.worker = o.worker
  ), ended_types as (
    delete from @takers t using o where t.type = any (o.types) and t.since = o.since and t.worker = o.worker
  ), lease as (
    insert into @leases (fence, scope, type, kind, worker, claimed, ids) overriding system value
    select o.fence, s, of_type, of_kind, o.worker, due_at, array[of_id] from o
  )
  select o.hub, concat_ws(' ', o.nth, o.fence, due_at, of_id) as start into open from o;
  if open.hub is null then return false; end if;
  perform pg_notify(channel || '_' || open.hub, open.start || E'\n' || job);
  return true;
end
$$;

-- Inserts up to 1,000 jobs, each one or not at all: an id that is known changes nothing, so a call whose answer was lost is sent again
-- as it is. The caller names each id once. Payloads and extras are JSON, one a line; an empty line is none. What is due now keeps its place by a microsecond each.
-- `fresh`: nobody has seen the ids before. Returns the ids that were known.
create function @insert_jobs(
  of_prefix text, of_scope text, heads jsonb, head_of int4[], ids uuid[], fresh bool, payloads text, extras text,
  delays float8[], run_ats float8[], expires_ins float8[], expires_ats float8[]
) returns uuid[] language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  s int4 := @scope_id(of_prefix, of_scope);
  kind_ids int4[];
  kind_types int4[];
  kind_ranks int2[];
  now_at int8;
  added_ids uuid[];
begin
  select array_agg(@kind_id(s, h.head) order by h.place) into kind_ids
    from jsonb_array_elements(heads) with ordinality as h (head, place);
  -- a statement of its own, which sees kinds that are new
  select array_agg(k.type order by h.place), array_agg(k.rank order by h.place) into kind_types, kind_ranks
    from unnest(kind_ids) with ordinality as h (id, place) join @kinds k on k.id = h.id;
  now_at := @now_us();
  -- the usual batch: of one kind, due now, and new. Plain inserts cost a third less than what follows, and less WAL.
  if cardinality(kind_ids) = 1 and coalesce(delays, run_ats, expires_ins, expires_ats) is null
    and (fresh or not exists (select from @jobs j where j.scope = s and j.id = any (ids))) then
    begin
      insert into @jobs (id, due, scope, kind, extra, payload)
        select i.id, now_at + i.place, s, kind_ids[1], i.extra::jsonb, i.payload
        from unnest(ids, string_to_array(payloads, E'\n'), string_to_array(extras, E'\n', '')) with ordinality as i (id, payload, extra, place);
      insert into @ready (due, id, type, rank)
        select now_at + i.place, i.id, kind_types[1], kind_ranks[1] from unnest(ids) with ordinality as i (id, place);
      insert into @tallies (type, pending) values (kind_types[1], cardinality(ids));
      return '{}';
    exception when unique_violation then
      null; -- somebody inserted one of them meanwhile: the long way tells which
    end;
  end if;
  with given as (
    select i.id, i.head, i.payload, i.extra::jsonb as extra, i.place,
      case when i.delay > 0 then least(now_at + ceil(i.delay * 1000), 9007199254740991)::int8
        when i.run_at * 1000 > now_at then least(ceil(i.run_at * 1000), 9007199254740991)::int8 end as later,
      case when i.expires_in is not null then least(now_at + ceil(i.expires_in * 1000), 9007199254740991)::int8
        when i.expires_at is not null then least(greatest(ceil(i.expires_at * 1000), 0), 9007199254740991)::int8 end as expires
    from unnest(ids, head_of, string_to_array(payloads, E'\n'), string_to_array(extras, E'\n', ''), delays, run_ats, expires_ins, expires_ats) with ordinality
      as i (id, head, payload, extra, delay, run_at, expires_in, expires_at, place)
  ), added as (
    insert into @jobs (id, due, scope, kind, extra, expires, payload)
    select g.id, coalesce(g.later, now_at + g.place), s, kind_ids[g.head],
      case when g.later is null then g.extra else coalesce(g.extra, '{}') || jsonb_build_object('c', now_at) end,
      g.expires, g.payload
    from given g order by g.place
    on conflict (id, scope) do nothing
    returning id, due, kind, extra ? 'c' as later, expires
  ), placed as (
    select a.id, a.due, k.type, k.rank, a.later, a.expires
    from added a join unnest(kind_ids, kind_types, kind_ranks) as k (id, type, rank) on k.id = a.kind
  ), readied as (
    insert into @ready (due, id, type, rank, expires)
    select p.due, p.id, p.type, p.rank, p.expires from placed p where p.later is not true
  ), delayed as (
    insert into @future (due, id, type, rank, expires)
    select p.due, p.id, p.type, p.rank, p.expires from placed p where p.later
  ), bounded as (
    insert into @expiring (scope, id, expires) select s, p.id, p.expires from placed p where p.expires is not null
    on conflict (scope, id) do update set expires = excluded.expires
  ), counted as (
    insert into @tallies (type, pending) select p.type, count(*) from placed p group by p.type
  )
  select array_agg(p.id) into added_ids from placed p;
  if cardinality(added_ids) = cardinality(ids) then return '{}'; end if;
  return array(select i.id from unnest(ids) as i (id) where i.id not in (select unnest(added_ids)));
end
$$;

-- Ends a job that is in no queue and no lease any more: its record is kept as its kind wants it or goes, its id is remembered.
create function @end_job(
  s int4, of_id uuid, of_kind int4, of_state "char", now_at int8, of_attempt int4, of_failures int4, of_crashes int4,
  of_fence int8, of_started int8, of_reason text, of_result text, of_error text, of_duration float8
) returns void language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off as $$
declare
  k @kinds;
  place int4 := case of_state when 'c' then 4 when 'f' then 6 else 8 end;
  keep_ms float8;
  keep_most int8;
begin
  select * into k from @kinds x where x.id = of_kind;
  keep_ms := (k.settings ->> place)::float8;
  keep_most := (k.settings ->> (place + 1))::int8;
  delete from @cancels c where c.scope = s and c.id = of_id;
  delete from @expiring e where e.scope = s and e.id = of_id;
  insert into @tallies (type, completed, failed, cancelled, duration) values (k.type,
    (of_state = 'c')::int, (of_state = 'f')::int, (of_state = 'x')::int, coalesce(of_duration, 0));
  if keep_ms <= 0 or keep_most <= 0 then
    insert into @forgets (scope, until, ids) values (s, now_at + ((k.settings ->> 3)::float8 * 1000)::int8, array[of_id]);
    return;
  end if;
  insert into @endings (scope, id, type, kind, state, finished, prune_at, attempt, failures, crashes, fence, started,
    reason, result, error)
  values (s, of_id, k.type, of_kind, of_state, now_at, least(now_at + keep_ms * 1000, 9007199254740991)::int8,
    of_attempt, of_failures, of_crashes, of_fence, of_started, of_reason, of_result, of_error);
  if keep_most is not null then perform @trim_endings(s, k.type, of_state, keep_most); end if;
end
$$;

-- Keeps the finished jobs of one type and state within their count. What goes is remembered as long as its kind says.
create function @trim_endings(s int4, of_type int4, of_state "char", most int8) returns void
language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  with old as (
    delete from @endings e where e.scope = s and e.id = any (array(
      select x.id from @endings x where x.type = of_type and x.state = of_state
      order by x.finished desc, x.id desc offset most limit 2000 for update skip locked))
    returning e.id, e.kind, e.finished
  )
  insert into @forgets (scope, until, ids)
  select s, o.finished + ((k.settings ->> 3)::float8 * 1000)::int8, array_agg(o.id)
  from old o join @kinds k on k.id = o.kind group by 2;
end
$$;

-- Makes a job pending that is in no queue and no lease any more. A cancellation that was asked for ends it instead.
-- `of_due` null: due as it was, in its old place. Returns whether it is pending.
create function @put_back(
  s int4, of_id uuid, of_due int8, now_at int8, of_attempt int4, of_failures int4, of_crashes int4, of_fence int8,
  of_started int8, of_error text
) returns bool language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off as $$
declare
  j @jobs;
  k @kinds;
  c @cancels;
begin
  select * into j from @jobs x where x.scope = s and x.id = of_id;
  delete from @cancels x where x.scope = s and x.id = of_id returning * into c;
  if c.id is not null then
    perform @end_job(s, of_id, j.kind, 'x', now_at, of_attempt, of_failures, of_crashes, of_fence, of_started, c.reason,
      null, of_error, null);
    return false;
  end if;
  select * into k from @kinds x where x.id = j.kind;
  update @jobs x set
    due = coalesce(of_due, x.due),
    extra = case when of_due is null or x.extra ? 'c' then x.extra
      else coalesce(x.extra, '{}') || jsonb_build_object('c', x.due) end,
    past = jsonb_strip_nulls(jsonb_build_object('a', of_attempt, 'f', of_failures, 'c', of_crashes, 'x', of_fence,
      't', of_started, 'e', of_error))
    where x.scope = s and x.id = of_id
    returning * into j;
  if j.due > now_at then
    insert into @future (due, id, type, rank, expires) values (j.due, of_id, k.type, k.rank, j.expires);
  else
    insert into @ready (due, id, type, rank, expires) values (j.due, of_id, k.type, k.rank, j.expires);
  end if;
  if j.expires is not null then
    insert into @expiring (scope, id, expires) values (s, of_id, j.expires) on conflict (scope, id) do nothing;
  end if;
  insert into @tallies (type, pending) values (k.type, 1);
  return true;
end
$$;

-- Takes a pending job out of its queue. Returns whether it was there.
create function @unqueue(j @jobs) returns bool language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  k @kinds;
begin
  select * into k from @kinds x where x.id = j.kind;
  delete from @ready r where r.type = k.type and r.rank = k.rank and r.due = j.due and r.id = j.id;
  if not found then
    delete from @future f where f.type = k.type and f.due = j.due and f.id = j.id;
    if not found then return false; end if;
  end if;
  insert into @tallies (type, pending) values (k.type, -1);
  return true;
end
$$;
