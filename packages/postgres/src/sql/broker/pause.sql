-- $1 prefix, $2 name, $3 whether paused.
insert into @queues (prefix, name, paused) values ($1, $2, $3::bool)
on conflict (prefix, name) do update set paused = excluded.paused
