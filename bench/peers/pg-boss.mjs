// pg-boss. Tuned: batches with burstWhenBatchFull, several local workers, LISTEN/NOTIFY.
// ":default" is work(name, handler) with nothing set (1 job per poll, a poll every 2 s).
// ":perjob" settles each job of a batch on its own (perJobResults), as a queue of independent jobs needs.

import pg from 'pg'
import { PgBoss } from 'pg-boss'
export const server = 'pg'
let boss
let db
let opts
export async function setup({ conn, opts: o, role }) {
  opts = o
  const quiet = role === 'producer' ? { supervise: false, schedule: false } : {} // the worker keeps its maintenance
  boss = new PgBoss({ connectionString: conn.pg, useListenNotify: !opts.default && !opts.poll, ...quiet })
  boss.on('error', (e) => console.error('pg-boss', e.message))
  await boss.start()
  if (!(await boss.getQueue('bench')))
    await boss.createQueue('bench', opts.default || opts.poll ? {} : { notify: true })
  db = new pg.Client(conn.pg)
  await db.connect()
}
export const enqueueBulk = (items) =>
  boss.insert(
    'bench',
    items.map(({ data, runAt }) => ({ data, startAfter: runAt ? new Date(runAt) : undefined })),
  )
export const enqueueOne = (data) => boss.send('bench', data)
export async function process({ concurrency: c, onStart }) {
  const handler = async (jobs) => {
    for (const j of jobs) onStart(j.data)
    if (opts.perjob) return jobs.map((j) => ({ id: j.id, status: 'completed' }))
  }
  if (opts.default) await boss.work('bench', { localConcurrency: c }, handler)
  else
    await boss.work(
      'bench',
      {
        localConcurrency: opts.local ?? Math.min(c, 2),
        batchSize: opts.batch ?? 2000,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: 0.5,
        perJobResults: !!opts.perjob,
      },
      handler,
    )
  return { stop: () => boss.offWork('bench') }
}
export async function counts() {
  return {
    pending: Number(
      (await db.query(`select count(*) c from pgboss.job where name = 'bench' and state < 'completed'`))
        .rows[0].c,
    ),
  }
}
export async function teardown() {
  await boss.stop({ graceful: false })
  await db.end()
}
