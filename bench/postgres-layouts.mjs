// What a job costs PostgreSQL in two layouts: the split tables of @sched/postgres (what its release really runs), and one table with
// one partial index. WAL, row versions and commits do not depend on how busy the machine is.
//   node postgres-layouts.mjs postgres://user@host:5432/database [--n 50000] [--batch 500]
// Creates the schemas `sched` and `single` anew. Jobs are inserted in batches of 1,000 with a payload of 100 bytes, claimed and
// settled in batches, and not kept; `retried` jobs fail once before.
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { markdownTable } from 'markdown-table'
import pg from 'pg'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { n: { type: 'string', default: '50000' }, batch: { type: 'string', default: '500' } },
})
const [url] = positionals
if (!url) throw new Error('usage: node postgres-layouts.mjs postgres://… [--n 50000] [--batch 500]')
const n = Number(values.n)
const batch = Number(values.batch)
const payload = { p: 'x'.repeat(92) }
const prefix = randomUUID().slice(0, 24)
const id = (i) => prefix + i.toString(16).padStart(12, '0')
const error = { name: 'Error', message: 'no' }
const ids = (from, count) => Array.from({ length: count }, (_, i) => id(from + i))
const admin = new pg.Client(url)
await admin.connect()
const one = async (sql, parameters) => (await admin.query(sql, parameters)).rows[0]

/** As the package runs it: functions in the database, one call a batch. */
async function split() {
  await admin.query('drop schema if exists sched cascade')
  const { postgres } = await import('../packages/postgres/dist/index.js')
  const { BACKEND } = await import('../packages/core/dist/adapter.js')
  const adapters = postgres(url, { listen: false })
  const store = adapters.broker[BACKEND].fuse({ scope: 'layouts', ...adapters })
  await store.ready()
  const want = { worker: 'w', limit: batch, types: [{ type: 'job' }] }
  await store.heartbeat({ id: 'w', leaseMs: 3_600_000, phase: 'join' }, [])
  const rest = {
    type: 'job',
    payload,
    priority: 0,
    maxRetries: 1,
    rememberMs: 0,
    retention: { completed: { count: 0 } },
  }
  return {
    name: 'split tables',
    schema: 'sched',
    insert: (from, count) => store.insert(ids(from, count).map((each) => ({ id: each, ...rest }))),
    settleAndClaim: (claimed, kind) =>
      store
        .settle(
          claimed.map((job) => ({ ...job, kind, ...(kind === 'retry' && { delayMs: 0, error }) })),
          want,
        )
        .then(({ jobs }) => jobs.map(({ id, token }) => ({ id, token }))),
    sweep: async () => {
      while ((await store.sweep({})).more);
    },
    close: () => adapters.close(),
  }
}

/** One table, one partial index on what is pending, the same columns: a claim and a retry rewrite the row, the end deletes it. */
async function single() {
  await admin.query(`drop schema if exists single cascade; create schema single;
    create table single.jobs (
      id uuid primary key, type int not null, rank int2 not null, state "char" not null default 'p', due int8 not null, claimed int8,
      fence int8, worker int4, attempt int4 not null default 0, failures int4 not null default 0, error text, payload text not null
    ) with (fillfactor = 70, autovacuum_vacuum_cost_delay = 0);
    alter table single.jobs alter payload set storage external;
    create index jobs_ready on single.jobs (type, rank, due) where state = 'p'`)
  const client = new pg.Client(url)
  await client.connect()
  await client.query('set enable_seqscan = off; set enable_bitmapscan = off')
  const run = (name, text, parameters) =>
    client.query({ name, text, values: parameters }).then(({ rows }) => rows)
  const claim = `update single.jobs set state = 'r', claimed = 1, fence = 1, worker = 1, attempt = attempt + 1
    where id = any (array(select id from single.jobs where type = 1 and state = 'p' order by rank, due limit $1 for update skip locked))
    returning id, payload`
  const remove = 'delete from single.jobs where id = any ($1::uuid[])'
  const again = `update single.jobs set state = 'p', due = due + 1000000, failures = failures + 1, error = '${JSON.stringify(error)}', fence = null, worker = null where id = any ($1::uuid[])`
  return {
    name: 'one table, one partial index',
    schema: 'single',
    insert: (from, count) =>
      run(
        'insert',
        `insert into single.jobs (id, type, rank, due, payload) select id, 1, 0, $3 + place, $2 from unnest($1::uuid[]) with ordinality i (id, place)`,
        [ids(from, count), JSON.stringify(payload), from],
      ),
    async settleAndClaim(claimed, kind) {
      await client.query('begin')
      if (claimed.length) await run(kind, kind === 'retry' ? again : remove, [claimed.map((job) => job.id)])
      const rows = await run('claim', claim, [batch])
      await client.query('commit')
      return rows
    },
    sweep: async () => {},
    close: () => client.end(),
  }
}

/** What `work` cost: bytes of WAL, row versions written and left dead, commits. */
async function cost(schema, work) {
  await admin.query('checkpoint')
  const before = await state(schema)
  await work()
  // a session that is idle reports its statistics within ten seconds
  await new Promise((resolve) => setTimeout(resolve, 12_000))
  const after = await state(schema)
  const { bytes } = await one('select pg_wal_lsn_diff($1, $2) as bytes', [after.lsn, before.lsn])
  const difference = (key) => (after[key] - before[key]) / n
  return {
    wal: Number(bytes) / n,
    written: difference('written'),
    dead: difference('dead'),
    commits: difference('commits'),
  }
}

async function state(schema) {
  const { lsn } = await one('select pg_current_wal_lsn() as lsn')
  const rows = await one(
    `select sum(n_tup_ins + n_tup_upd) as written, sum(n_tup_upd + n_tup_del) as dead from pg_stat_user_tables where schemaname = $1`,
    [schema],
  )
  const { commits } = await one(
    'select xact_commit as commits from pg_stat_database where datname = current_database()',
  )
  return { lsn, written: Number(rows.written), dead: Number(rows.dead), commits: Number(commits) }
}

const rows = []
for (const open of [split, single]) {
  const layout = await open()
  const { schema } = layout
  const fill = async (from) => {
    for (let i = 0; i < n; i += 1000) await layout.insert(from + i, 1000)
  }
  const drain = async () => {
    let claimed = await layout.settleAndClaim([], 'complete')
    while (claimed.length) claimed = await layout.settleAndClaim(claimed, 'complete')
    await layout.sweep()
  }
  // all of them fail first, and go behind the others
  const retried = async () => {
    let claimed = await layout.settleAndClaim([], 'complete')
    for (let failed = claimed.length; failed < n; failed += claimed.length)
      claimed = await layout.settleAndClaim(claimed, 'retry')
    claimed = await layout.settleAndClaim(claimed, 'retry')
    while (claimed.length) claimed = await layout.settleAndClaim(claimed, 'complete')
    await layout.sweep()
  }
  const report = (what, { wal, written, dead, commits }) =>
    rows.push([layout.name, what, Math.round(wal), written.toFixed(2), dead.toFixed(2), commits.toFixed(4)])
  report('insert', await cost(schema, () => fill(0)))
  report('claim, settle, forget', await cost(schema, drain))
  await fill(n)
  report('claim, fail, claim again, settle, forget', await cost(schema, retried))
  await layout.close()
}
console.log(
  markdownTable([['', 'a job', 'WAL bytes', 'row versions written', 'left dead', 'commits'], ...rows]),
)
await admin.end()
