-- What this role may not do with what is installed: kind, name as in a GRANT, the right, the role. $1 schema, $2 tables, $3 tables that are
-- only read, $4 functions, $5 the table whose sequence is used by its name. Catalogs are open to everybody.
with rights as (
  select 1 as nth, 'schema' as kind, quote_ident(n.nspname) as name, 'usage' as missing
  from pg_namespace n where n.nspname = $1 and not has_schema_privilege(n.oid, 'usage')
  union all
  select 2, 'table', format('%I.%I', n.nspname, c.relname), r.name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
    cross join unnest(array['select', 'insert', 'update', 'delete']) as r (name)
  where n.nspname = $1 and c.relkind in ('r', 'p') and c.relname = any ($2::text[])
    and (r.name = 'select' or c.relname <> all ($3::text[])) and not has_table_privilege(c.oid, r.name)
  union all
  select 3, 'sequence', format('%I.%I', n.nspname, c.relname), 'usage'
  from pg_class c join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'i'
    join pg_class t on d.refclassid = 'pg_class'::regclass and t.oid = d.refobjid join pg_namespace n on n.oid = t.relnamespace
  where n.nspname = $1 and t.relname = $5 and case when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'usage, update') end
  union all
  select 4, 'function', format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)), 'execute'
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = $1 and p.proname = any ($4::text[]) and not has_function_privilege(p.oid, 'execute')
)
select r.kind, r.name, r.missing, quote_ident(current_user) from rights r order by r.nth, r.name, r.missing
