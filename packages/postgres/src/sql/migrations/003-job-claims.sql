-- Claims and settles.

-- Claims for one worker by (rank, due) over the wanted types. Only a living worker claims; paused types, and types whose places are
-- taken, give nothing; what has expired fails instead. Rows: see settle_jobs.
-- `starts`, of one type: where to begin in each rank, because the rows before were claimed and, under an old snapshot, lie there still.
-- What lies before nevertheless is for a claim without, or for one that finds too little.
create function @claim_jobs(s int4, by_worker int4, most int4, type_names text[], type_mosts int4[], type_actives int8[], starts int8[])
returns table (tag "char", fence int8, id text, number int8, payload text, extra text, past text, expires int8)
language plpgsql volatile set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  now_at int8 := @now_us();
  open_types int4[];
  rooms int8[];
  frees int8[];
  got_ids uuid[] := '{}';
  some_ids uuid[];
  some_types int4[];
  late record;
  late_ids uuid[];
  left_over int4 := most;
  next_due int8;
begin
  -- a type with a limit is one claimer's at a time
  if exists (select from unnest(type_actives) a where a is not null) then
    perform from @types t join unnest(type_names, type_actives) w (name, active) on w.name = t.name
      where t.scope = s and w.active is not null order by t.id for update of t;
  end if;
  select array_agg(o.id order by o.place), array_agg(least(o.wanted, o.free) order by o.place), array_agg(o.free order by o.place)
    into open_types, rooms, frees
    from (
      select t.id, w.place, coalesce(w.at_most, most) as wanted,
        case when w.active is null then 9007199254740991
          else greatest(0, w.active - (select coalesce(sum(cardinality(l.ids)), 0) from @leases l where l.type = t.id)) end as free
      from unnest(type_names, type_mosts, type_actives) with ordinality as w (name, at_most, active, place)
      join @types t on t.scope = s and t.name = w.name and not t.paused
    ) o;
  if open_types is null then
    return query select 'n'::"char", null::int8, null::text, null::int8, null::text, null::text, null::text, null::int8;
    return;
  end if;

  with due as (
    delete from @future f where f.ctid = any (array(
      select d.ctid from unnest(open_types) as t (id) cross join lateral (
        select x.ctid from @future x where x.type = t.id and x.due <= now_at order by x.due limit 1000 for update skip locked
      ) d))
    returning f.due, f.id, f.type, f.rank, f.expires
  )
  insert into @ready (due, id, type, rank, expires) select d.due, d.id, d.type, d.rank, d.expires from due d;

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
    return query
    with body as materialized (
      select j.id, j.due, j.kind, j.payload, j.extra, j.past, j.expires from @jobs j where j.scope = s and j.id = any (got_ids)
    ), lease as (
      insert into @leases as l (scope, type, kind, worker, claimed, ids)
      select s, k.type, b.kind, by_worker, now_at, b.ids
      from (select x.kind, array_agg(x.id) as ids from body x group by x.kind) b join @kinds k on k.id = b.kind
      returning l.fence, l.type, l.kind, cardinality(l.ids) as many
    ), counted as (
      insert into @tallies (type, pending) select l.type, -sum(l.many) from lease l group by l.type
    )
    select 'l'::"char", l.fence, t.name, k.rank::int8, k.settings::text, null::text, null::text, null::int8
    from lease l join @kinds k on k.id = l.kind join @types t on t.id = l.type
    union all
    select 'j'::"char", l.fence, b.id::text, b.due, b.payload, b.extra::text, b.past::text, b.expires
    from body b join lease l on l.kind = b.kind;
  end if;

  select min(case when exists (select from @ready r where r.type = o.id) then 0
      else greatest(0, (select min(f.due) from @future f where f.type = o.id) - now_at) end)
    into next_due
    from unnest(open_types, frees) as o (id, free) where o.free > 0;
  update @types t set limited = true
    from unnest(open_types, frees) as o (id, free)
    where t.id = o.id and o.free <= 0 and not t.limited and exists (select from @ready r where r.type = o.id);
  return query select 'n'::"char", null::int8, null::text, next_due, null::text, null::text, null::text, null::int8;
end
$$;

-- Settles outcomes, then claims, in one step. An outcome counts only while its lease holds the id. One of a living worker for an id that
-- nobody holds was settled before and is ok, so a call whose answer was lost is sent again as it is: what it claimed is given back at a
-- heartbeat. Each id is named once.
--
-- kinds, one an outcome: c complete, r retry, f fail, x cancel, l release, s snooze. numbers: the duration of c, the delay of r
-- and s. text_lines, one line of JSON each or an empty one: the result of c, the reason of f and x. error_lines: of r and f.
-- Rows by tag: s the answers, one digit an outcome in `id`; l a lease: fence, type, rank, settings; j a job of that fence: id, due, …;
-- n when the next is due, in microseconds; w a type that has something new.
create function @settle_jobs(
  of_prefix text, of_scope text, o_ids uuid[], o_fences int8[], o_workers text[], o_kinds "char"[], numbers float8[],
  text_lines text, error_lines text, want_worker text, want_most int4, want_types text[], want_mosts int4[], want_actives int8[], want_starts int8[]
) returns table (tag "char", fence int8, id text, number int8, payload text, extra text, past text, expires int8)
language plpgsql volatile set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  s int4 := @scope_id(of_prefix, of_scope);
  now_at int8;
  texts text[] := string_to_array(text_lines, E'\n', '');
  errors text[] := string_to_array(error_lines, E'\n', '');
  held int4[];
  held_kinds int4[];
  held_fences int8[];
  held_since int8[];
  woken int4[] := '{}';
  o record;
  missing int4;
  by_worker int4;
begin
  if cardinality(o_ids) > 0 then
    now_at := @now_us();
    perform from @leases l where l.fence = any (o_fences) and l.scope = s order by l.fence for update;
    -- by a hashed subplan: the arrays are of unknown length, and a join of them is taken for a small one
    select array_agg(i.place::int4), array_agg(l.kind), array_agg(l.fence), array_agg(l.claimed)
      into held, held_kinds, held_fences, held_since
      from unnest(o_ids, o_fences) with ordinality as i (id, fence, place)
      join @leases l on l.fence = i.fence
      where (i.fence, i.id) in (
        select x.fence, u.id from @leases x cross join lateral unnest(x.ids) as u (id)
        where x.fence = any (o_fences) and x.scope = s);
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
              texts[o.place], null, o.error, null);
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
      return query select 's'::"char", null::int8, repeat('1', cardinality(o_ids)), null::int8, null::text, null::text, null::text, null::int8;
    else
      return query select 's'::"char", null::int8, string_agg(
          case when i.place = any (held) then '1'
            when exists (select from @workers w where w.scope = s and w.name = i.worker and not w.dead)
              and not exists (select from @leases l where l.scope = s and i.id = any (l.ids)) then '1'
            else '0' end, '' order by i.place),
        null::int8, null::text, null::text, null::text, null::int8
        from unnest(o_ids, o_workers) with ordinality as i (id, worker, place);
    end if;
    if cardinality(woken) > 0 then
      return query select distinct 'w'::"char", null::int8, t.name, null::int8, null::text, null::text, null::text, null::int8
        from @types t where t.id = any (woken);
    end if;
  end if;
  if cardinality(want_types) > 0 then
    select w.id into by_worker from @workers w where w.scope = s and w.name = want_worker and not w.dead;
    return query select * from @claim_jobs(s, by_worker, want_most, want_types, want_mosts, want_actives, want_starts);
  end if;
end
$$;
