// BullMQ on redis. Default here is its usual production setting removeOnComplete: true;
// ":keep" is the library's default (completed jobs stay in redis for ever).
import { Queue, Worker } from 'bullmq'
export const server = 'redis'
let queue
let connection
let opts
export async function setup(c) {
  ;({ opts } = c)
  connection = c.conn.redis
  queue = new Queue('bench', { connection, defaultJobOptions: opts.keep ? {} : { removeOnComplete: true } })
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
  )
  await worker.waitUntilReady()
  return { stop: () => worker.close() }
}
export async function counts() {
  const c = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed')
  return { pending: c.waiting + c.active + c.delayed + c.failed }
}
export const teardown = () => queue.close()
