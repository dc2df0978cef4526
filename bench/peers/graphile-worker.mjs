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
