// Pulse (a fork of Agenda 4) on mongo. It has no bulk API and no notifications: enqueueBulk is many now()/schedule()
// calls at once. ":every=100" sets processEvery (default 5000 ms), ":lock=N" lockLimit (default: locks every due job).
import { Pulse } from '@pulsecron/pulse'
import { MongoClient } from 'mongodb'
export const server = 'mongo'
let pulse
let client
let opts
export async function setup({ conn, opts: o }) {
  opts = o
  pulse = new Pulse({ db: { address: conn.mongo }, ...(opts.every && { processEvery: opts.every }) })
  await new Promise((ok, no) => {
    pulse.once('ready', ok)
    pulse.once('error', no)
  })
  pulse.on('error', (e) => console.error('pulse', e.message))
  client = await new MongoClient(conn.mongo).connect()
}
export const enqueueBulk = (items) =>
  Promise.all(
    items.map(({ data, runAt }) =>
      runAt ? pulse.schedule(new Date(runAt), 'j', data) : pulse.now('j', data),
    ),
  )
export const enqueueOne = (data) => pulse.now('j', data)
export async function process({ concurrency, onStart }) {
  pulse.maxConcurrency(concurrency)
  pulse.define(
    'j',
    async (job) => {
      onStart(job.attrs.data)
    },
    { concurrency, shouldSaveResult: false, ...(opts.lock && { lockLimit: opts.lock }) },
  )
  await pulse.start()
  return { stop: () => pulse.stop() }
}
export async function counts() {
  return { pending: await client.db().collection('pulseJobs').countDocuments({ lastFinishedAt: null }) }
}
export const teardown = () => client.close()
