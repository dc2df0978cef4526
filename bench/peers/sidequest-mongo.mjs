// Sidequest on mongo, with its inline runner in this process (its default forks a process with worker threads, where a
// handler cannot report to the harness). It has no bulk API: enqueueBulk is many enqueue() calls at once.
// ":poll=1" sets jobPollingInterval (default 100 ms). Finished jobs stay stored (30 days by default).

import { fileURLToPath } from 'node:url'
import { MongoClient } from 'mongodb'
import { Job, Sidequest } from 'sidequest'
export const server = 'mongo'
let client
let opts
let conn
let handle = () => {}
export class BenchJob extends Job {
  run(data) {
    handle(data)
  }
}
const config = (concurrency = 10) => ({
  backend: { driver: '@sidequest/mongo-backend', config: conn.mongo },
  queues: [{ name: 'default', concurrency }],
  maxConcurrentJobs: concurrency,
  ...(opts.poll && { jobPollingInterval: opts.poll }),
  fork: false,
  runner: 'inline',
  manualJobResolution: true,
  jobsFilePath: fileURLToPath(import.meta.url),
  logger: { level: 'error' },
  gracefulShutdown: false,
  dashboard: { enabled: false },
})
export async function setup({ conn: c, opts: o, role }) {
  conn = c
  opts = o
  client = await new MongoClient(conn.mongo).connect()
  if (role === 'producer') await Sidequest.configure(config())
}
const add = (data, runAt) => {
  const b = Sidequest.build(BenchJob)
  return (runAt ? b.availableAt(new Date(runAt)) : b).enqueue(data)
}
export const enqueueBulk = (items) => Promise.all(items.map(({ data, runAt }) => add(data, runAt)))
export const enqueueOne = (data) => add(data)
export async function process({ concurrency, onStart }) {
  handle = onStart
  // two workers that start at once on a new database race to create the queue and one fails: start that one again
  await Sidequest.start(config(concurrency)).catch(async (e) => {
    if (e.code !== 11000) throw e
    await Sidequest.stop()
    await Sidequest.start(config(concurrency))
  })
  return { stop: () => Sidequest.stop() }
}
export async function counts() {
  return {
    pending: await client
      .db()
      .collection('sidequest_jobs')
      .countDocuments({ state: { $in: ['waiting', 'claimed', 'running'] } }),
  }
}
export const teardown = () => client.close()
