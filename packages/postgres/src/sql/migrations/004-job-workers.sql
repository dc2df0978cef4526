-- Workers and their leases, the sweep, and changes by id.

-- Renews one worker's lease, and with it every claim it holds. What the store holds for it and it does not hold is given back, attempt
-- included: its claim's answer was lost. Younger claims than the grace are left alone, as their answer may be under way.
-- phase: join, active or leave. Whoever leaves names what it started: that may have run, so its attempt stays counted, and it has failed
-- when it must never run twice. Rows by tag: a the worker is alive; l a lost id; c an id whose cancellation was asked for; w a type that
-- has something new.
create function @heartbeat(
  of_prefix text, of_scope text, of_worker text, lease_ms float8, phase text, grace_ms float8, new_info text,
  held_ids uuid[], held_fences int8[]
) returns table (tag "char", what text) language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  s int4 := @scope_id(of_prefix, of_scope);
  now_at int8 := @now_us();
  this_worker int4;
  is_alive bool;
  l record;
  j record;
  woken int4[] := '{}';
begin
  if phase = 'join' then
    insert into @workers as w (scope, name, until, info) values (s, of_worker, @after_us(lease_ms), new_info)
      on conflict (scope, name) do update set until = excluded.until, info = coalesce(excluded.info, w.info) where not w.dead;
  elsif phase = 'active' then
    update @workers w set until = @after_us(lease_ms), info = coalesce(new_info, w.info)
      where w.scope = s and w.name = of_worker and not w.dead;
  end if;
  select w.id, not w.dead into this_worker, is_alive from @workers w where w.scope = s and w.name = of_worker for update;
  is_alive := coalesce(is_alive, false);
  return query
    select 'l'::"char", h.id::text from unnest(held_ids, held_fences) as h (id, fence)
    where not exists (select from @leases x where x.fence = h.fence and x.worker = this_worker and h.id = any (x.ids));
  return query
    select 'c'::"char", c.id::text from @cancels c where c.scope = s and c.id = any (held_ids)
      and exists (select from unnest(held_ids, held_fences) as h (id, fence) join @leases x on x.fence = h.fence
        where h.id = c.id and x.worker = this_worker and h.id = any (x.ids));
  if is_alive then
    if phase = 'leave' then perform @end_open(this_worker, null); end if;
    for l in select x.* from @leases x where x.worker = this_worker and (phase = 'leave' or x.claimed + (grace_ms * 1000)::int8 <= now_at)
      order by x.fence for update
    loop
      for j in select u.id, b.kind, k.type, coalesce((b.past ->> 'a')::int4, 0) as attempt, coalesce((b.past ->> 'f')::int4, 0) as failures,
          coalesce((b.past ->> 'c')::int4, 0) as crashes, b.past ->> 'e' as error, (k.settings ->> 2)::bool as once, m.mine
        from unnest(l.ids) as u (id) join @jobs b on b.scope = s and b.id = u.id join @kinds k on k.id = b.kind
        cross join lateral (select exists (
          select from unnest(held_ids, held_fences) as h (id, fence) where h.id = u.id and h.fence = l.fence) as mine) m
        where phase = 'leave' or not m.mine
      loop
        update @leases x set ids = array_remove(x.ids, j.id) where x.fence = l.fence;
        if j.mine and j.once then
          perform @end_job(s, j.id, j.kind, 'f', now_at, j.attempt + 1, j.failures, j.crashes, l.fence, l.claimed, '"crashed"',
            null, j.error, null);
        elsif @put_back(s, j.id, null, now_at, j.attempt + j.mine::int4, j.failures, j.crashes, l.fence, l.claimed, j.error) then
          woken := woken || j.type;
        end if;
      end loop;
      delete from @leases x where x.fence = l.fence and cardinality(x.ids) = 0;
    end loop;
    if phase = 'leave' then delete from @workers w where w.id = this_worker; end if;
  end if;
  if is_alive then return query select 'a'::"char", null::text; end if;
  with freed as (
    update @types t set limited = false where t.limited and t.id = any (woken) returning t.id
  )
  select woken || coalesce(array_agg(f.id), '{}') into woken from freed f;
  return query select distinct 'w'::"char", t.name from @types t where t.id = any (woken);
end
$$;

-- One bounded round: workers whose lease ended are declared dead; the jobs of dead workers go back, or fail when they died too often or
-- must never run twice; pending jobs that expired fail; finished ones past their age go, and ids remembered long enough, and locks that ended
-- a day ago; counters are added up. Two at once do no harm. A dead worker's claims count until its jobs are taken back, here.
-- Rows by tag: d a worker declared dead; w a type that has something new; then one m, r, x, e and p each: whether there is more (1),
-- recovered, crashed, expired, pruned.
create function @sweep(of_prefix text, of_scope text, most int4, grace_ms float8, keep_ms float8)
returns table (tag "char", what text) language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  s int4 := @scope_id(of_prefix, of_scope);
  now_at int8 := @now_us();
  left_over int4 := most;
  recovered int4 := 0;
  crashed int4 := 0;
  late int4 := 0;
  pruned int4 := 0;
  woken int4[] := '{}';
  l record;
  j record;
  b @jobs;
  gone int4;
  many int4;
begin
  return query
    update @workers w set dead = true, until = least(w.until, now_at) where w.id = any (array(
      select x.id from @workers x where x.scope = s and not x.dead and x.until + (grace_ms * 1000)::int8 <= now_at
      limit 100 for update skip locked))
    returning 'd'::"char", w.name;
  perform @end_open(o.worker, null) from @opens o join @workers w on w.id = o.worker where o.scope = s and w.dead;

  for l in select x.* from @leases x join @workers w on w.id = x.worker where x.scope = s and w.scope = s and w.dead
    order by x.fence for update of x skip locked
  loop
    exit when left_over <= 0;
    for j in select u.id, y.kind, k.type, k.settings, coalesce((y.past ->> 'a')::int4, 0) as attempt,
        coalesce((y.past ->> 'f')::int4, 0) as failures, coalesce((y.past ->> 'c')::int4, 0) as crashes, y.past ->> 'e' as error
      from unnest(l.ids) as u (id) join @jobs y on y.scope = s and y.id = u.id join @kinds k on k.id = y.kind limit left_over
    loop
      update @leases x set ids = array_remove(x.ids, j.id) where x.fence = l.fence;
      if (j.settings ->> 2)::bool or j.crashes + 1 >= (j.settings ->> 1)::int8 then
        perform @end_job(s, j.id, j.kind, 'f', now_at, j.attempt + 1, j.failures, j.crashes + 1, l.fence, l.claimed,
          '"crashed"', null, j.error, null);
        crashed := crashed + 1;
      elsif @put_back(s, j.id, null, now_at, j.attempt + 1, j.failures, j.crashes + 1, l.fence, l.claimed, j.error) then
        recovered := recovered + 1;
      end if;
      woken := woken || j.type;
      left_over := left_over - 1;
    end loop;
    delete from @leases x where x.fence = l.fence and cardinality(x.ids) = 0;
  end loop;
  delete from @workers w where w.scope = s and w.dead and w.until + (keep_ms * 1000)::int8 <= now_at
    and not exists (select from @leases x where x.worker = w.id);

  for j in delete from @expiring e where e.scope = s and e.id = any (array(
      select x.id from @expiring x where x.scope = s and x.expires <= now_at order by x.expires limit greatest(left_over, 0)
      for update skip locked)) returning e.id
  loop
    select * into b from @jobs x where x.scope = s and x.id = j.id;
    if b.id is not null and @unqueue(b) then
      perform @end_job(s, b.id, b.kind, 'f', now_at, coalesce((b.past ->> 'a')::int4, 0), coalesce((b.past ->> 'f')::int4, 0),
        coalesce((b.past ->> 'c')::int4, 0), coalesce((b.past ->> 'x')::int8, 0), (b.past ->> 't')::int8, '"expired"', null,
        b.past ->> 'e', null);
      late := late + 1;
    end if;
    left_over := left_over - 1;
  end loop;

  with old as (
    delete from @endings e where e.scope = s and e.id = any (array(
      select x.id from @endings x where x.scope = s and x.prune_at <= now_at order by x.prune_at limit greatest(left_over, 0)
      for update skip locked))
    returning e.id, e.kind, e.finished
  ), remembered as (
    insert into @forgets (scope, until, ids)
    select s, o.finished + ((k.settings ->> 3)::float8 * 1000)::int8, array_agg(o.id)
    from old o join @kinds k on k.id = o.kind group by 2
  )
  select count(*) into gone from old;
  pruned := pruned + gone;
  left_over := left_over - gone;

  -- by whole rows, of up to 1,000 ids each, 16 bytes an id: as many as are needed
  while left_over > 0 loop
    select count(*) into many from (
      select sum(sized.ids) over (order by sized.until rows unbounded preceding) - sized.ids as ids_before from (
        select x.until, pg_column_size(x.ids) / 16 as ids from @forgets x
        where x.scope = s and x.until <= now_at order by x.until limit 100
      ) sized
    ) counted where counted.ids_before < left_over;
    with over as (
      delete from @forgets f where f.ctid = any (array(
        select x.ctid from @forgets x where x.scope = s and x.until <= now_at order by x.until limit many for update skip locked))
      returning f.ids
    ), dropped as (
      delete from @jobs x where x.scope = s and x.id = any (array(select unnest(o.ids) from over o)) returning 1
    )
    select count(*) into gone from dropped;
    exit when gone = 0;
    pruned := pruned + gone;
    left_over := left_over - gone;
  end loop;

  if (select count(*) > 50 from (select from @tallies a join @types t on t.id = a.type where t.scope = s limit 51) x) then
    with old as (
      delete from @tallies a where a.ctid = any (array(
        select x.ctid from @types t join @tallies x on x.type = t.id where t.scope = s limit 10000 for update of x skip locked))
      returning a.*
    )
    insert into @tallies (type, pending, completed, failed, cancelled, duration)
    select o.type, sum(o.pending), sum(o.completed), sum(o.failed), sum(o.cancelled), sum(o.duration) from old o group by o.type;
  end if;

  delete from @locks ended where ended.prefix = of_prefix and ended.key = any (array(
    select x.key from @locks x where x.prefix = of_prefix and x.until < now_at - 86400000000 limit 1000 for update skip locked));

  with freed as (
    update @types t set limited = false where t.limited and t.id = any (woken) returning t.id
  )
  select woken || coalesce(array_agg(f.id), '{}') into woken from freed f;
  return query select distinct 'w'::"char", t.name from @types t where t.id = any (woken);
  return query values ('m'::"char", case when left_over <= 0 then '1' else '0' end), ('r', recovered::text), ('x', crashed::text),
    ('e', late::text), ('p', pruned::text);
end
$$;

-- Changes jobs by id, each as its state allows: see JobChange in the contract. Ids are distinct.
-- Rows by tag: o one letter an id in `what`: o ok, m missing, r refused; w a type that has something new.
create function @change_jobs(
  of_prefix text, of_scope text, of_ids uuid[], change text, of_reason text, delay_ms float8, run_at float8
) returns table (tag "char", what text) language plpgsql volatile set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  s int4 := @scope_id(of_prefix, of_scope);
  now_at int8 := @now_us();
  wanted_due int8 := now_at;
  answers text := '';
  answer text;
  woken int4[] := '{}';
  this_id uuid;
  j @jobs;
  k @kinds;
  e @endings;
  was_pending bool;
begin
  if delay_ms is not null then wanted_due := @after_us(delay_ms); end if;
  if run_at is not null then wanted_due := greatest(now_at, least(ceil(run_at * 1000), 9007199254740991)::int8); end if;
  foreach this_id in array of_ids loop
    answer := 'r';
    select * into j from @jobs x where x.scope = s and x.id = this_id for update;
    if j.id is null then
      answers := answers || 'm';
      continue;
    end if;
    select * into k from @kinds x where x.id = j.kind;
    select * into e from @endings x where x.scope = s and x.id = this_id for update;
    if e.id is not null then
      if change = 'retry' and e.state <> 'c' then
        delete from @endings x where x.scope = s and x.id = this_id;
        if j.expires <= now_at then
          update @jobs x set expires = null where x.scope = s and x.id = this_id;
        end if;
        perform @put_back(s, this_id, now_at, now_at, e.attempt, 0, 0, e.fence, e.started, null);
        woken := woken || k.type;
        answer := 'o';
      elsif change = 'discard' then
        delete from @endings x where x.scope = s and x.id = this_id;
        insert into @forgets (scope, until, ids)
          values (s, now_at + ((k.settings ->> 3)::float8 * 1000)::int8, array[this_id]);
        answer := 'o';
      end if;
    elsif exists (select from @leases x where x.kind = j.kind and x.type = k.type and this_id = any (x.ids)) then
      if change = 'cancel' then
        insert into @cancels as x (scope, id, reason) values (s, this_id, of_reason)
          on conflict (scope, id) do update set reason = coalesce(excluded.reason, x.reason);
        answer := 'o';
      end if;
    else
      was_pending := false;
      if change <> 'retry' then was_pending := @unqueue(j); end if;
      if not was_pending then
        if change <> 'retry' or not exists (select from @ready x where x.type = k.type and x.rank = k.rank and x.due = j.due and x.id = j.id
          union all select from @future x where x.type = k.type and x.due = j.due and x.id = j.id) then
          answer := 'm';
        end if;
      elsif change = 'cancel' then
        perform @end_job(s, this_id, j.kind, 'x', now_at, coalesce((j.past ->> 'a')::int4, 0), coalesce((j.past ->> 'f')::int4, 0),
          coalesce((j.past ->> 'c')::int4, 0), coalesce((j.past ->> 'x')::int8, 0), (j.past ->> 't')::int8, of_reason, null,
          j.past ->> 'e', null);
        answer := 'o';
      elsif change = 'discard' then
        delete from @expiring x where x.scope = s and x.id = this_id;
        insert into @forgets (scope, until, ids)
          values (s, now_at + ((k.settings ->> 3)::float8 * 1000)::int8, array[this_id]);
        answer := 'o';
      else
        perform @put_back(s, this_id, wanted_due, now_at, coalesce((j.past ->> 'a')::int4, 0), coalesce((j.past ->> 'f')::int4, 0),
          coalesce((j.past ->> 'c')::int4, 0), coalesce((j.past ->> 'x')::int8, 0), (j.past ->> 't')::int8, j.past ->> 'e');
        woken := woken || k.type;
        answer := 'o';
      end if;
    end if;
    answers := answers || answer;
  end loop;
  return query select 'o'::"char", answers;
  return query select distinct 'w'::"char", t.name from @types t where t.id = any (woken);
end
$$;
