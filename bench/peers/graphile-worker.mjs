// graphile-worker. Tuned: the settings of its performance page (local queue of 500, batched
// completion with delay 0, pool = concurrency + 1). ":default" sets the concurrency only.
import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import pg from 'pg'
export const server = 'pg'
const logger = new Logger(() => () => {})
let utils
let db
let opts
let connectionString
export async function setup({ conn, opts: o }) {
  opts = o
  connectionString = conn.pg
  utils = await makeWorkerUtils({ connectionString, logger })
  await utils.migrate()
  db = new pg.Client(connectionString)
  await db.connect()
}
export const enqueueBulk = (items) =>
  utils.addJobs(
    items.map(({ data, runAt }) => ({
      identifier: 'j',
      payload: data,
      runAt: runAt ? new Date(runAt) : undefined,
    })),
  )
// The server makes the arguments too, for the function that addJobs calls.
export async function fill({ from, n, due, payload, first }) {
  await enqueueBulk([first])
  await db.query('set synchronous_commit = off')
  await db.query(
    `select count(*) from (
        select array_agg(('j', format($3, i)::json, null, to_timestamp($4::float8 / 1000), null, null, null, null)::graphile_worker.job_spec) as specs
        from generate_series($1::int4, $2::int4) as i group by i / 1000 order by i / 1000
      ) b cross join lateral graphile_worker.add_jobs(b.specs)`,
    [from + 1, from + n - 1, payload, due ?? null],
  )
}
export const enqueueOne = (data) => utils.addJob('j', data)
export async function process({ concurrency, onStart }) {
  const tuned = {
    localQueue: { size: opts.size ?? 500 },
    completeJobBatchDelay: opts.delay ?? 0,
    failJobBatchDelay: 0,
    maxPoolSize: Math.max(10, Math.min(concurrency + 1, 40)),
  }
  const worker = await run({
    connectionString,
    concurrency,
    noHandleSignals: true,
    logger,
    taskList: {
      j: async (payload) => {
        onStart(payload)
      },
    },
    preset: { worker: opts.default ? {} : tuned },
  })
  return { stop: () => worker.stop() }
}
export async function counts() {
  return {
    pending: Number((await db.query('select count(*) c from graphile_worker._private_jobs')).rows[0].c),
  }
}
export async function teardown() {
  await utils.release()
  await db.end()
}
