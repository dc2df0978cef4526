-- What the first claims and settles of a connection plan: of a job that is kept and one that is not, and of none. See rehearse-insert.sql.
begin;
select @insert_jobs('', pg_backend_pid()::text, jsonb_build_array(jsonb_build_array('t', 0, jsonb_build_array(0, 0, false, 0, i, null, i, null, i, null))),
  '{1}', array[('00000000-0000-0000-0000-00000000000' || i)::uuid], true, '{}', null, null, null, null, null) from generate_series(0, 1) i;
insert into @workers (scope, name, until) values (@scope_id('', pg_backend_pid()::text), 'w', @after_us(60000));
select @claim_type('', pg_backend_pid()::text, 'w', 't', 2, null, 0, 1);
select @settle_jobs('', pg_backend_pid()::text, array_agg(u.id), array_agg(l.fence), '{w,w}', '{c,c}', '{1,1}', null, null,
  'w', 2, '{t}', '{null}', '{null}', null, null, 0, 2)
  from @leases l cross join unnest(l.ids) as u (id) where l.scope = @scope_id('', pg_backend_pid()::text);
select @claim_type('', pg_backend_pid()::text, 'w', 't', 1, null, 0, 3);
rollback;
