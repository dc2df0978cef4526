// BullMQ 6 on its own postgres backend (same code path as bullmq.mjs otherwise).
import { createPostgresBackend, Queue, Worker } from 'bullmq'
export const server = 'pg'
let queue
let connection
let opts
export async function setup(c) {
  ;({ opts } = c)
  connection = { connectionString: c.conn.pg, migrate: true, max: opts.max ?? 10 }
  queue = new Queue(
    'bench',
    { connection, defaultJobOptions: opts.keep ? {} : { removeOnComplete: true } },
    createPostgresBackend,
  )
  await queue.waitUntilReady()
}
const delay = (runAt) => (runAt ? { delay: Math.max(0, runAt - Date.now()) } : undefined)
export const enqueueBulk = (items) =>
  queue.addBulk(items.map(({ data, runAt }) => ({ name: 'j', data, opts: delay(runAt) })))
export const enqueueOne = (data) => queue.add('j', data)
export async function process({ concurrency, onStart }) {
  const worker = new Worker(
    'bench',
    async (job) => {
      onStart(job.data)
    },
    { connection, concurrency },
    createPostgresBackend,
  )
  await worker.waitUntilReady()
  return { stop: () => worker.close() }
}
export async function counts() {
  const c = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed')
  return { pending: c.waiting + c.active + c.delayed + c.failed }
}
export const teardown = () => queue.close()
