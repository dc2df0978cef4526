-- Claims and settles.

-- Ends a worker's open claim, before it claims again. `ended`: the fences of its open claims of which it knows of no job. Returns those that
-- were handed one, which may be on its way still. Plans and settings are the caller's.
create function @end_open(by_worker int4, ended int8[]) returns int8[] language plpgsql volatile as $$
declare
  ended_fence int8;
begin
  with o as (
    -- an insert that is just handing it a job is waited for
    delete from @opens x where x.worker = by_worker returning x.fence, x.since, x.types
  ), t as (
    delete from @takers t using o where t.type = any (o.types) and t.since = o.since and t.worker = by_worker
  )
  select o.fence into ended_fence from o;
  if ended is null or ended = array[ended_fence] then return '{}'; end if;
  return array(select l.fence from @leases l where l.fence = any (ended) and l.worker = by_worker);
end
$$;

-- Keeps a claim open that found all there is and left room. Returns its row o: see settle_jobs. Plans and settings are the caller's.
create function @keep_open(s int4, by_worker int4, of_types int4[], now_at int8, of_hub int8, of_nth int4)
returns table (tag "char", fence int8, id text, number int8, payload text, extra text, past text, instants text)
language plpgsql volatile as $$
begin
  return query
  with o as (
    insert into @opens as x (worker, scope, fence, since, hub, nth, types)
    values (by_worker, s, nextval(pg_get_serial_sequence('@leases', 'fence')), now_at, of_hub, of_nth, of_types)
    on conflict (worker) do nothing returning x.fence
  ), t as (
    insert into @takers (type, since, worker) select u.id, now_at, by_worker from o cross join unnest(of_types) as u (id)
  )
  select 'o'::"char", o.fence, null::text, now_at, null::text, null::text, null::text, null::text from o;
end
$$;

-- Claims for one worker by (rank, due) over the wanted types. Only a living worker claims; paused types, and types whose places are
-- taken, give nothing; what has expired fails instead. Rows: see settle_jobs.
-- `starts`, of one type: where to begin in each rank, because the rows before were claimed and, under an old snapshot, lie there still.
-- What lies before nevertheless is for a claim without, or for one that finds too little.
-- `hub`, `nth`: it may stay open, for its types without a limit.
-- Where `lasting` is false, nobody waits until the claim is on disk: a crash of the server may forget it, and then the job is ready still, and
-- runs once more. Not so at most once, nor under a limit.
create function @claim_jobs(
  s int4, by_worker int4, most int4, type_names text[], type_mosts int4[], type_actives int8[], starts int8[], lasting bool,
  hub int8, nth int4
)
returns table (tag "char", fence int8, id text, number int8, payload text, extra text, past text, instants text)
language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  now_at int8 := @now_us();
  open_types int4[];
  unlimited int4[];
  rooms int8[];
  frees int8[];
  got_ids uuid[] := '{}';
  some_ids uuid[];
  some_types int4[];
  late record;
  late_ids uuid[];
  left_over int4 := most;
  next_due int8;
  has_limits bool := exists (select from unnest(type_actives) a where a is not null);
begin
  -- a type with a limit is one claimer's at a time
  if has_limits then
    perform from @types t join unnest(type_names, type_actives) w (name, active) on w.name = t.name
      where t.scope = s and w.active is not null order by t.id for update of t;
  end if;
  select array_agg(o.id order by o.place), array_agg(least(o.wanted, o.free) order by o.place), array_agg(o.free order by o.place),
      array_agg(o.id) filter (where o.active is null)
    into open_types, rooms, frees, unlimited
    from (
      select t.id, w.place, w.active, coalesce(w.at_most, most) as wanted,
        case when w.active is null then 9007199254740991
          else greatest(0, w.active - (select coalesce(sum(cardinality(l.ids)), 0) from @leases l where l.type = t.id)) end as free
      from unnest(type_names, type_mosts, type_actives) with ordinality as w (name, at_most, active, place)
      join @types t on t.scope = s and t.name = w.name and not t.paused
    ) o;
  if open_types is null then
    return query select 'n'::"char", null::int8, null::text, null::int8, null::text, null::text, null::text, null::text;
    return;
  end if;

  if exists (
    select from unnest(open_types) as t (id) cross join lateral (
      select from @future x where x.type = t.id and x.due <= now_at limit 1) d
  ) then
    with due as (
      delete from @future f where f.ctid = any (array(
        select d.ctid from unnest(open_types) as t (id) cross join lateral (
          select x.ctid from @future x where x.type = t.id and x.due <= now_at order by x.due limit 1000 for update skip locked
        ) d))
      returning f.due, f.id, f.type, f.rank, f.expires
    )
    insert into @ready (due, id, type, rank, expires) select d.due, d.id, d.type, d.rank, d.expires from due d;
  end if;

  while left_over > 0 and by_worker is not null loop
    if cardinality(open_types) = 1 then
      exit when rooms[1] <= 0;
      if starts is not null then
        with taken as (
          delete from @ready r where r.ctid = any (array(
            select x.ctid from generate_series(-20, 20) as ranks (rank) cross join lateral (
              select y.ctid from @ready y where y.type = open_types[1] and y.rank = ranks.rank and y.due >= starts[ranks.rank + 21]
              order by y.due limit least(left_over, rooms[1]) for update skip locked
            ) x limit least(left_over, rooms[1])))
          returning r.id, r.expires
        )
        select array_agg(t.id) filter (where t.expires is null or t.expires > now_at),
            array_agg(t.id) filter (where t.expires <= now_at)
          into some_ids, late_ids from taken t;
      else
      with taken as (
        delete from @ready r where r.ctid = any (array(
          select x.ctid from @ready x where x.type = open_types[1]
          order by x.rank, x.due limit least(left_over, rooms[1]) for update skip locked))
        returning r.id, r.expires
      )
      select array_agg(t.id) filter (where t.expires is null or t.expires > now_at),
          array_agg(t.id) filter (where t.expires <= now_at)
        into some_ids, late_ids from taken t;
      end if;
      rooms[1] := rooms[1] - coalesce(cardinality(some_ids), 0);
      frees[1] := frees[1] - coalesce(cardinality(some_ids), 0);
    else
      -- how many of each type are among the first, unlocked; then so many of each are locked
      with quotas as (
        select f.type, count(*) as many from (
          select t.id as type, x.rank, x.due from unnest(open_types, rooms) as t (id, room) cross join lateral (
            select r.rank, r.due from @ready r where r.type = t.id order by r.rank, r.due limit least(left_over, t.room)
          ) x
          order by x.rank, x.due limit left_over
        ) f group by f.type
      ), taken as (
        delete from @ready r where r.ctid = any (array(
          select x.ctid from quotas q cross join lateral (
            select y.ctid from @ready y where y.type = q.type order by y.rank, y.due limit q.many for update skip locked
          ) x))
        returning r.id, r.type, r.expires
      )
      select array_agg(t.id) filter (where t.expires is null or t.expires > now_at),
          array_agg(t.type) filter (where t.expires is null or t.expires > now_at),
          array_agg(t.id) filter (where t.expires <= now_at)
        into some_ids, some_types, late_ids from taken t;
      select array_agg(o.room - coalesce(g.many, 0) order by o.place), array_agg(o.free - coalesce(g.many, 0) order by o.place)
        into rooms, frees
        from unnest(open_types, rooms, frees) with ordinality as o (id, room, free, place)
        left join (select x.type, count(*) as many from unnest(some_types) as x (type) group by x.type) g on g.type = o.id;
    end if;
    if late_ids is not null then
      for late in select j.*, k.type from @jobs j join @kinds k on k.id = j.kind where j.scope = s and j.id = any (late_ids) loop
        insert into @tallies (type, pending) values (late.type, -1);
        perform @end_job(s, late.id, late.kind, 'f', now_at, coalesce((late.past ->> 'a')::int4, 0),
          coalesce((late.past ->> 'f')::int4, 0), coalesce((late.past ->> 'c')::int4, 0),
          coalesce((late.past ->> 'x')::int8, 0), (late.past ->> 't')::int8, '"expired"', null, late.past ->> 'e', null);
      end loop;
    end if;
    if some_ids is not null then
      got_ids := got_ids || some_ids;
      left_over := left_over - cardinality(some_ids);
    end if;
    -- nothing was too late: what there is, is taken
    exit when late_ids is null and starts is null;
    starts := null;
  end loop;

  if cardinality(got_ids) > 0 then
    if not lasting and not has_limits
      and not exists (select from @kinds k where k.type = any (open_types) and (k.settings ->> 2)::bool) then
      perform set_config('synchronous_commit', 'off', true);
    end if;
    return query select * from @lease_jobs(s, by_worker, now_at, got_ids);
  end if;

  -- the last of those that wait is found at once; before the first lies what was just claimed
  select min(coalesce(
      (select 0 from @ready r where r.type = o.id order by r.rank desc, r.due desc limit 1),
      (select greatest(0, f.due - now_at) from @future f where f.type = o.id order by f.due limit 1)))
    into next_due
    from unnest(open_types, frees) as o (id, free) where o.free > 0;
  if 0 >= any (frees) then
    update @types t set limited = true
      from unnest(open_types, frees) as o (id, free)
      where t.id = o.id and o.free <= 0 and not t.limited and exists (select from @ready r where r.type = o.id);
  end if;
  if hub is not null and by_worker is not null and left_over > 0 and next_due is distinct from 0 then
    some_types := array(select o.id from unnest(open_types, rooms) as o (id, room) where o.room > 0 and o.id = any (unlimited));
    if cardinality(some_types) > 0 then
      return query select * from @keep_open(s, by_worker, some_types, now_at, hub, nth);
    end if;
  end if;
  return query select 'n'::"char", null::int8, null::text, next_due, null::text, null::text, null::text, null::text;
end
$$;

-- Gives jobs that are in no queue any more to a worker: one lease for each kind. Rows l and j: see settle_jobs. A row a job would pass three functions and the
-- driver one by one.
create function @lease_jobs(s int4, by_worker int4, now_at int8, got_ids uuid[])
returns table (tag "char", fence int8, id text, number int8, payload text, extra text, past text, instants text)
language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return query
  with body as materialized (
    select j.id, j.due, j.kind, j.payload, j.extra::text as extra, j.past::text as past, j.expires from @jobs j
    where j.scope = s and j.id = any (got_ids)
  ), lease as (
    insert into @leases as l (scope, type, kind, worker, claimed, ids)
    select s, k.type, b.kind, by_worker, now_at, b.ids
    from (select x.kind, array_agg(x.id) as ids from body x group by x.kind) b join @kinds k on k.id = b.kind
    returning l.fence, l.type, l.kind, cardinality(l.ids) as many
  ), counted as (
    insert into @tallies (type, pending) select l.type, -sum(l.many) from lease l group by l.type
  )
  select 'l'::"char", l.fence, t.name, k.rank::int8, k.settings::text, null::text, null::text, null::text
  from lease l join @kinds k on k.id = l.kind join @types t on t.id = l.type
  union all
  select 'j'::"char", l.fence, array_agg(b.id)::text, null::int8, string_agg(b.payload, E'\x1e'),
    case when count(b.extra) > 0 then string_agg(coalesce(b.extra, ''), E'\x1e') end,
    case when count(b.past) > 0 then string_agg(coalesce(b.past, ''), E'\x1e') end,
    (array_agg(b.due) || case when count(b.expires) > 0 then array_agg(b.expires) end)::text
  from body b join lease l on l.kind = b.kind
  -- what is large has a row of its own: no value may get too long
  group by l.fence, case when octet_length(b.payload) + octet_length(concat(b.extra, b.past)) > 10000 then b.id end;
end
$$;

-- The usual claim of an idle worker, in few steps: of one type, with nothing to settle. It differs from settle_jobs in nothing else, and
-- leaves to it whatever is unusual.
create function @claim_type(of_prefix text, of_scope text, want_worker text, of_type text, most int4, ended int8[], hub int8, nth int4)
returns table (tag "char", fence int8, id text, number int8, payload text, extra text, past text, instants text)
language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  now_at int8 := @now_us();
  v record;
  left_over int4 := most;
  handed int8[];
  got_ids uuid[];
  next_due int8;
begin
  select x.id as scope, t.id as type, w.id as worker, t.paused or not exists (select from @fences)
      or exists (select from @future f where f.type = t.id and f.due <= now_at)
      or exists (select from @expiring e where e.scope = x.id and e.expires <= now_at)
      or exists (select from @kinds k where k.type = t.id and (k.settings ->> 2)::bool) as is_unusual
    into v
    from @scopes x join @types t on t.scope = x.id and t.name = of_type
    join @workers w on w.scope = x.id and w.name = want_worker and not w.dead
    where x.prefix = of_prefix and x.name = of_scope;
  if v.is_unusual is distinct from false then
    return query select * from @settle_jobs(of_prefix, of_scope, '{}', '{}', '{}', '{}', '{}', null, null, want_worker, most,
      array[of_type], array[null]::int4[], array[null]::int8[], null, ended, hub, nth);
    return;
  end if;
  if ended is not null or hub is not null then
    handed := @end_open(v.worker, ended);
    if cardinality(handed) > 0 then
      left_over := greatest(0, left_over - cardinality(handed));
      return query select 'h'::"char", u.fence, null::text, null::int8, null::text, null::text, null::text, null::text from unnest(handed) as u (fence);
    end if;
  end if;
  with taken as (
    delete from @ready r where r.ctid = any (array(
      select x.ctid from @ready x where x.type = v.type order by x.rank, x.due limit left_over for update skip locked))
    returning r.id
  )
  select array_agg(t.id) into got_ids from taken t;
  left_over := left_over - coalesce(cardinality(got_ids), 0);
  if got_ids is not null then
    perform set_config('synchronous_commit', 'off', true);
    return query select * from @lease_jobs(v.scope, v.worker, now_at, got_ids);
  end if;
  next_due := coalesce(
    (select 0 from @ready r where r.type = v.type order by r.rank desc, r.due desc limit 1),
    (select greatest(0, f.due - now_at) from @future f where f.type = v.type order by f.due limit 1));
  if hub is not null and left_over > 0 and next_due is distinct from 0 then
    perform set_config('synchronous_commit', 'off', true);
    return query select * from @keep_open(v.scope, v.worker, array[v.type], now_at, hub, nth);
  end if;
  return query select 'n'::"char", null::int8, null::text, next_due, null::text, null::text, null::text, null::text;
end
$$;

-- Settles outcomes, then claims, in one step. An outcome counts only while its lease holds the id. One of a living worker for an id that
-- nobody holds was settled before and is ok, so a call whose answer was lost is sent again as it is: what it claimed is given back at a
-- heartbeat. It is stale where the job waits and a crash may have forgotten the claim. Each id is named once.
--
-- kinds, one an outcome: c complete, r retry, f fail, x cancel, l release, s snooze. numbers: the duration of c, the delay of r
-- and s. text_lines, one line of JSON each or an empty one: the result of c, the reason of f and x. error_lines: of r and f.
-- An x without a reason keeps the one its cancellation was asked for with.
-- `o_workers`: one an outcome, or one of all.
-- Rows by tag: s the answers, one digit an outcome in `id`; l a lease: fence, type, rank, settings; j jobs of that fence: ids, and in `instants` all dues,
-- then, if there is any, all expiries; payload, extra and past, each null if there is none, hold one a job with a character between that JSON has not;
-- n when the next is due, in microseconds; w a type that has something new; o the claim stays open, with its fence and since when; h the
-- fence of an open claim that was handed a job. `ended`: those of the worker's open claims, which this one ends; `hub` and `nth`: this one may stay open, see opens.
create function @settle_jobs(
  of_prefix text, of_scope text, o_ids uuid[], o_fences int8[], o_workers text[], o_kinds "char"[], numbers float8[],
  text_lines text, error_lines text, want_worker text, want_most int4, want_types text[], want_mosts int4[], want_actives int8[], want_starts int8[],
  ended int8[], hub int8, nth int4
) returns table (tag "char", fence int8, id text, number int8, payload text, extra text, past text, instants text)
language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  s int4 := @scope_id(of_prefix, of_scope);
  now_at int8;
  texts text[] := string_to_array(text_lines, E'\n', '');
  errors text[] := string_to_array(error_lines, E'\n', '');
  lease_fences int8[];
  lease_kinds int4[];
  lease_since int8[];
  held int4[];
  held_kinds int4[];
  held_fences int8[];
  held_since int8[];
  woken int4[] := '{}';
  o record;
  by_worker int4;
  handed int8[];
  is_after_crash bool := not exists (select from @fences);
begin
  if is_after_crash then
    -- Fences only grow: those that the server has given out and forgotten are skipped. What is claimed here is on disk, and these with it,
    -- before anybody sees the row that says so.
    insert into @forgotten (since, until)
      -- a sequence is written down for 32 numbers at once
      select min(f.fence) - 34, max(f.fence) from (
        select nextval(x.sequence) as fence from generate_series(1, 100000),
          (select pg_get_serial_sequence('@leases', 'fence')::regclass as sequence offset 0) x
      ) f;
    insert into @fences values (true) on conflict do nothing;
  end if;
  if cardinality(o_ids) > 0 then
    now_at := @now_us();
    select array_agg(l.fence), array_agg(l.kind), array_agg(l.claimed) into lease_fences, lease_kinds, lease_since
      from (select x.* from @leases x where x.fence = any (o_fences) and x.scope = s order by x.fence for update) l;
    -- by a hashed subplan: the arrays are of unknown length, and a join of them is taken for a small one
    select array_agg(i.place::int4), array_agg(lease_kinds[i.nth]), array_agg(i.fence), array_agg(lease_since[i.nth])
      into held, held_kinds, held_fences, held_since
      from (
        select x.id, x.fence, x.place, array_position(lease_fences, x.fence) as nth
        from unnest(o_ids, o_fences) with ordinality as x (id, fence, place)
      ) i
      where (i.fence, i.id) in (
        select x.fence, u.id from @leases x cross join lateral unnest(x.ids) as u (id)
        where x.fence = any (lease_fences));
    if held is not null then
      delete from @leases l where l.fence = any (held_fences)
        and cardinality(l.ids) = (select count(*) from unnest(held_fences) as f (fence) where f.fence = l.fence);
      update @leases l set ids = array(
          select u.id from unnest(l.ids) as u (id) where u.id not in (select o_ids[x.place] from unnest(held) as x (place)))
        where l.fence = any (held_fences);

      for o in
        select k.id as kind, k.type, (k.settings ->> 3)::float8 as remember_ms, (k.settings ->> 4)::float8 as keep_ms,
          (k.settings ->> 5)::int8 as keep_most, d.places, d.ids, d.ms
        from (
          select h.kind, array_agg(h.nth) as places, array_agg(o_ids[h.place]) as ids, sum(numbers[h.place]) as ms
          from unnest(held, held_kinds) with ordinality as h (place, kind, nth) where o_kinds[h.place] = 'c' group by h.kind
        ) d join @kinds k on k.id = d.kind
      loop
        if o.keep_ms <= 0 or o.keep_most <= 0 then
          insert into @forgets (scope, until, ids) values (s, now_at + (o.remember_ms * 1000)::int8, o.ids);
        else
          insert into @endings (scope, id, type, kind, state, finished, prune_at, attempt, failures, crashes, fence, started, result)
            select s, j.id, o.type, o.kind, 'c', now_at, least(now_at + o.keep_ms * 1000, 9007199254740991)::int8,
              coalesce((j.past ->> 'a')::int4, 0) + 1, coalesce((j.past ->> 'f')::int4, 0), coalesce((j.past ->> 'c')::int4, 0),
              held_fences[p.nth], held_since[p.nth], texts[held[p.nth]]
            from unnest(o.places, o.ids) as p (nth, id)
            cross join lateral (select x.id, x.past from @jobs x where x.id = p.id and x.scope = s limit 1) j;
          if o.keep_most is not null then perform @trim_endings(s, o.type, 'c', o.keep_most); end if;
        end if;
        insert into @tallies (type, completed, duration) values (o.type, cardinality(o.ids), o.ms);
      end loop;

      if exists (select from @cancels c where c.scope = s) then
        delete from @cancels c where c.scope = s and c.id in (
          select o_ids[h.place] from unnest(held) as h (place) where o_kinds[h.place] = 'c');
      end if;

      if not 'c' = all (o_kinds) then
        for o in
          select o_ids[h.place] as id, h.kind, h.fence, h.since, h.place, k.type, k.settings, o_kinds[h.place] as what,
            coalesce((j.past ->> 'a')::int4, 0) as attempt, coalesce((j.past ->> 'f')::int4, 0) as failures,
            coalesce((j.past ->> 'c')::int4, 0) as crashes, j.past ->> 'e' as error
          from unnest(held, held_kinds, held_fences, held_since) as h (place, kind, fence, since)
          join @kinds k on k.id = h.kind join @jobs j on j.scope = s and j.id = o_ids[h.place]
          where o_kinds[h.place] <> 'c' order by h.place
        loop
          if o.what = 'f' or (o.what = 'r' and o.failures >= (o.settings ->> 0)::int8) then
            perform @end_job(s, o.id, o.kind, 'f', now_at, o.attempt + 1, o.failures + 1, o.crashes, o.fence, o.since,
              case when o.what = 'f' then texts[o.place] else '"error"' end, null, errors[o.place], null);
          elsif o.what = 'x' then
            perform @end_job(s, o.id, o.kind, 'x', now_at, o.attempt + 1, o.failures, o.crashes, o.fence, o.since,
              coalesce(texts[o.place], (select c.reason from @cancels c where c.scope = s and c.id = o.id)), null, o.error, null);
          elsif o.what = 'r' then
            if @put_back(s, o.id, now_at + ceil(numbers[o.place] * 1000)::int8, now_at, o.attempt + 1, o.failures + 1, o.crashes,
              o.fence, o.since, errors[o.place]) then woken := woken || o.type; end if;
          elsif @put_back(s, o.id, case when o.what = 's' then now_at + ceil(numbers[o.place] * 1000)::int8 end, now_at,
            o.attempt, o.failures, o.crashes, o.fence, o.since, o.error) then
            woken := woken || o.type;
          end if;
        end loop;
      end if;
      with freed as (
        update @types t set limited = false
          where t.limited and t.id in (select k.type from @kinds k where k.id = any (held_kinds)) returning t.id
      )
      select woken || coalesce(array_agg(f.id), '{}') into woken from freed f;
    end if;

    if coalesce(cardinality(held), 0) = cardinality(o_ids) then
      return query select 's'::"char", null::int8, repeat('1', cardinality(o_ids)), null::int8, null::text, null::text, null::text, null::text;
    else
      return query select 's'::"char", null::int8, string_agg(
          case when i.place = any (held) then '1'
            when exists (select from @workers w where w.scope = s and w.name = coalesce(i.worker, o_workers[1]) and not w.dead)
              and not exists (select from @leases l where l.scope = s and i.id = any (l.ids))
              and not exists (
                select from @forgotten n join @jobs j on i.fence > n.since and i.fence <= n.until join @kinds k on k.id = j.kind
                where j.scope = s and j.id = i.id and coalesce((j.past ->> 'x')::int8, 0) < i.fence
                  and (exists (select from @ready r where r.type = k.type and r.rank = k.rank and r.due = j.due and r.id = j.id)
                    or exists (select from @future f where f.type = k.type and f.due = j.due and f.id = j.id))) then '1'
            else '0' end, '' order by i.place),
        null::int8, null::text, null::text, null::text, null::text
        from unnest(o_ids, o_workers, o_fences) with ordinality as i (id, worker, fence, place);
    end if;
    if cardinality(woken) > 0 then
      return query select distinct 'w'::"char", null::int8, t.name, null::int8, null::text, null::text, null::text, null::text
        from @types t where t.id = any (woken);
    end if;
  end if;
  if cardinality(want_types) > 0 then
    select w.id into by_worker from @workers w where w.scope = s and w.name = want_worker and not w.dead;
    if ended is not null or hub is not null then
      handed := @end_open(by_worker, ended);
      if cardinality(handed) > 0 then
        want_most := greatest(0, want_most - cardinality(handed));
        return query select 'h'::"char", u.fence, null::text, null::int8, null::text, null::text, null::text, null::text from unnest(handed) as u (fence);
      end if;
    end if;
    return query select * from @claim_jobs(s, by_worker, want_most, want_types, want_mosts, want_actives, want_starts,
      cardinality(o_ids) > 0 or is_after_crash, hub, nth);
  end if;
end
$$;
