// What postgres and node-postgres allow: one narrow table and one partial index.
// Enqueue: insert ... select unnest. Process, by mode:
//   delete: claim and delete in one statement, so a job is lost if the worker dies (the ceiling)
//   update: claim sets state 1, completion deletes          (at least once)
//   keep:   claim sets state 1, completion sets state 2     (at least once, history kept)
import pg from 'pg'
export const server = 'pg'
let pool
let opts
let running = true
export async function setup({ conn, opts: o }) {
  opts = { mode: 'update', batch: 100, conns: 1, ...o }
  pool = new pg.Pool({ connectionString: conn.pg, max: 20 })
  await pool.query(
    `create table if not exists q (id bigint generated always as identity primary key, state smallint not null default 0, data jsonb not null)`,
  )
  await pool.query(`create index if not exists q_ready on q (id) where state = 0`)
}
export const enqueueBulk = (items) =>
  pool.query({
    name: 'bulk',
    text: 'insert into q (data) select unnest($1::jsonb[])',
    values: [items.map((x) => JSON.stringify(x.data))],
  })
const one = 'insert into q (data) values ($1)'
const oneNotify = `with i as (${one} returning id) select pg_notify('q', '') from i` // ":notify": what waking workers costs
export const enqueueOne = (data) =>
  pool.query({ name: 'one', text: opts.notify ? oneNotify : one, values: [JSON.stringify(data)] })
const pick = 'select id from q where state = 0 order by id limit $1 for update skip locked'
const sql = {
  delete: { claim: `delete from q where id = any(array(${pick})) returning id, data` },
  update: {
    claim: `update q set state = 1 where id = any(array(${pick})) returning id, data`,
    ack: 'delete from q where id = any($1)',
  },
  keep: {
    claim: `update q set state = 1 where id = any(array(${pick})) returning id, data`,
    ack: 'update q set state = 2 where id = any($1)',
  },
}
export async function process({ onStart }) {
  const { claim, ack } = sql[opts.mode]
  const lane = async () => {
    const c = await pool.connect()
    while (running) {
      const { rows } = await c.query({ name: 'claim', text: claim, values: [opts.batch] })
      for (const row of rows) onStart(row.data)
      if (!rows.length)
        await new Promise((r) => setTimeout(r, 2)) // a 2 ms poll when idle
      else if (ack) await c.query({ name: 'ack', text: ack, values: [rows.map((x) => x.id)] })
    }
  }
  for (let i = 0; i < opts.conns; i++) void lane()
  return {
    stop: () => {
      running = false
    },
  }
}
export async function counts() {
  return { pending: Number((await pool.query('select count(*) c from q where state < 2')).rows[0].c) }
}
export const teardown = () => pool.end()
