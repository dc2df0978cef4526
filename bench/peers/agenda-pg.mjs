// Agenda 6 on postgres (LISTEN/NOTIFY is its default channel). It has no bulk API: enqueueBulk is
// many now()/schedule() calls at once. ":every=100" sets processEvery (default 5000 ms).

import { PostgresBackend } from '@agendajs/postgres-backend'
import { Agenda } from 'agenda'
import pg from 'pg'
export const server = 'pg'
let agenda
let db
let opts
export async function setup({ conn, opts: o, role }) {
  opts = o
  const extra = { ...(opts.every && { processEvery: opts.every }), removeOnComplete: !opts.keep }
  agenda = new Agenda({ backend: new PostgresBackend({ connectionString: conn.pg, name: role }), ...extra })
  agenda.on('error', (e) => console.error('agenda', e.message))
  await agenda.ready
  if (opts.start) await agenda.start() // a process that only enqueues publishes no wake-up until started
  db = new pg.Client(conn.pg)
  await db.connect()
}
export const enqueueBulk = (items) =>
  Promise.all(
    items.map(({ data, runAt }) =>
      runAt ? agenda.schedule(new Date(runAt), 'j', data) : agenda.now('j', data),
    ),
  )
export const enqueueOne = (data) => agenda.now('j', data)
export async function process({ concurrency, onStart }) {
  agenda.maxConcurrency(concurrency)
  agenda.define(
    'j',
    async (job) => {
      onStart(job.attrs.data)
    },
    { concurrency, ...(opts.lock && { lockLimit: opts.lock }) },
  )
  if (!opts.start) await agenda.start()
  return { stop: () => agenda.stop() }
}
export async function counts() {
  return {
    pending: Number(
      (await db.query('select count(*) c from agenda_jobs where last_finished_at is null')).rows[0].c,
    ),
  }
}
export async function teardown() {
  await db.end()
}
