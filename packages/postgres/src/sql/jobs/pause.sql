-- $1 prefix, $2 scope, $3 type, $4 whether paused.
insert into @types (scope, name, paused) values (@scope_id($1, $2), $3, $4::bool)
on conflict (scope, name) do update set paused = excluded.paused
