-- $1 prefix. A row with the value; none when somebody else makes it just now.
with made as (
  insert into @incarnations (prefix, value) values ($1, gen_random_uuid()) on conflict (prefix) do nothing returning value
)
select value from made union all select value from @incarnations where prefix = $1
