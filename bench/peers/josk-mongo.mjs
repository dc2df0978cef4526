// JoSk 5 on mongo. Same notes as josk.mjs.
import { JoSk, MongoAdapter } from 'josk'
import { MongoClient } from 'mongodb'
export const server = 'mongo'
export const sameProcess = true
let jobs
let client
let handle = () => {}
export async function setup({ conn, opts }) {
  client = await new MongoClient(conn.mongo).connect()
  jobs = new JoSk({
    adapter: new MongoAdapter({ db: client.db(), prefix: 'bench' }),
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
  return { pending: await client.db().collection('__JobTasks__bench').countDocuments() }
}
export const teardown = () => client.close()
