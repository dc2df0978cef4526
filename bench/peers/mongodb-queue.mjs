// mongodb-queue 4 on mongo, with the last driver that has the callbacks it needs (mongodb 3.7).
// It has add, get and ack but no worker, so each lane here loops get, run, ack and waits when idle (":poll=10" ms).
// Acknowledged messages stay stored until clean(), which ":clean" calls every second.

import { promisify } from 'node:util'
import mongodb from 'mongodb-3'
import mongoDbQueue from 'mongodb-queue'
export const server = 'mongo'
let client
let q
let opts
let running = true
const call = {}
export async function setup({ conn, opts: o }) {
  opts = { poll: 10, ...o }
  client = await mongodb.MongoClient.connect(conn.mongo, { useUnifiedTopology: true, poolSize: 100 })
  q = mongoDbQueue(client.db(), 'bench', { visibility: 600 })
  for (const m of ['createIndexes', 'add', 'get', 'ack', 'size', 'inFlight', 'clean'])
    call[m] = promisify(q[m].bind(q))
  await call.createIndexes()
}
export const enqueueBulk = (items) =>
  call.add(
    items.map((x) => x.data),
    items[0].runAt ? { delay: (items[0].runAt - Date.now()) / 1000 } : {},
  )
export const enqueueOne = (data) => call.add(data)
export async function process({ concurrency, onStart }) {
  const lane = async () => {
    while (running) {
      const m = await call.get()
      if (m) {
        onStart(m.payload)
        await call.ack(m.ack)
      } else await new Promise((r) => setTimeout(r, opts.poll))
    }
  }
  for (let i = 0; i < concurrency; i++) void lane()
  if (opts.clean) setInterval(() => call.clean(), 1000)
  return {
    stop: () => {
      running = false
    },
  }
}
export async function counts() {
  return { pending: await client.db().collection('bench').countDocuments({ deleted: null }) }
}
export const teardown = () => client.close()
