// JoSk 5 on redis. Its task functions live in the process that added them, so one process both adds
// and runs (sameProcess), and it starts running at once: no prefilled "process" workload.
// npm's josk 5.0.0 ships redis and mongo adapters only. ":fast" is the smallest revolving delay we allow it.
import { JoSk, RedisAdapter } from 'josk'
import { createClient } from 'redis-4' // an alias: bullmq's optional peer is redis 5 or later
export const server = 'redis'
export const sameProcess = true
let jobs
let client
let handle = () => {}
export async function setup({ conn, opts }) {
  client = await createClient({ socket: conn.redis }).connect()
  jobs = new JoSk({
    adapter: new RedisAdapter({ client, prefix: 'bench' }),
    ...(opts.fast && { minRevolvingDelay: 1, maxRevolvingDelay: 10 }),
    onError: (t, d) => console.error(t, d?.error),
  })
}
const add = (data, runAt) =>
  jobs.setTimeout(
    (ready) => {
      handle(data)
      ready()
    },
    runAt ? Math.max(0, runAt - Date.now()) : 0,
    `u${data.i}`,
  )
export const enqueueBulk = (items) => Promise.all(items.map(({ data, runAt }) => add(data, runAt)))
export const enqueueOne = (data) => add(data)
export async function process({ onStart }) {
  handle = onStart
  return { stop: () => jobs.destroy() }
}
export async function counts() {
  const keys = await client.keys('josk:bench:task:*')
  return { pending: keys.length }
}
export async function teardown() {
  await client.disconnect()
}
