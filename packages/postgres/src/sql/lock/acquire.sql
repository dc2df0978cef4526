-- One step: the lock is the caller's when it is free, ended, or the caller's already. The token only grows.
-- $1 prefix, $2 key, $3 owner, $4 ms. A row with the token, or none.
insert into @locks as l (prefix, key, owner, until, token)
values ($1, $2, $3, @after_us($4), @now_us())
on conflict (prefix, key) do update set
  owner = excluded.owner,
  until = @after_us($4),
  token = case when l.owner = excluded.owner and l.until > @now_us() then l.token
    else greatest(l.token + 1, @now_us()) end
where l.owner = excluded.owner or l.until <= @now_us()
returning token
