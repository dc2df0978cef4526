-- What the first enqueue of a connection plans. The scope is nobody else's, so nobody waits for it.
begin;
select @insert_jobs('', pg_backend_pid()::text, '[["t", 0, [0, 0, false, 0, 0, 0, 0, 0, 0, 0]]]', '{1}',
  '{00000000-0000-0000-0000-000000000001}', true, '{}', null, null, null, null, null);
-- somebody seems to wait for a job, so that handing over is planned too
insert into @takers (type, since, worker)
  select t.id, @now_us(), 0 from @types t join @scopes s on s.id = t.scope where s.prefix = '' and s.name = pg_backend_pid()::text;
select @insert_job('', pg_backend_pid()::text, '["t", 0, [0, 0, false, 0, 0, 0, 0, 0, 0, 0]]',
  '00000000-0000-0000-0000-000000000002', true, '{}', null, 'sched', '');
rollback;
