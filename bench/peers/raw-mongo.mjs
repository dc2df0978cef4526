// What mongod and the node driver allow: one narrow collection and one partial index.
// Enqueue: insertMany / insertOne. Process: find the head, updateMany those ids to state 1 with a token, run, then settle
// the batch with one deleteMany (mode=delete), updateMany to state 2 (mode=keep), or updateMany to the bare id and when a TTL index
// deletes it (mode=remember: what it takes to know an id for a while after its end, as ours does). batch=1 claims with findOneAndUpdate.
// conns lanes run at once; they take turns at finding (each goes on after the last id found), so they do not race.
// ":beside" settles a batch while the next one is claimed, as ours does.
// Idle: a 2 ms poll; ":wake" waits for a change stream of inserts instead. The write concern is the default (majority); ":w=1" waits for memory only.
import { MongoClient, ObjectId } from 'mongodb'
export const server = 'mongo'
let client
let q
let opts
let running = true
export async function setup({ conn, opts: o }) {
  opts = { mode: 'delete', batch: 100, conns: 1, ...o }
  client = await new MongoClient(conn.mongo, {
    ignoreUndefined: true,
    ...(opts.w && { writeConcern: { w: opts.w } }),
  }).connect()
  q = client.db().collection('q')
  await q.createIndex({ s: 1, _id: 1 }, { partialFilterExpression: { s: 0 } })
  if (opts.mode === 'remember') await q.createIndex({ x: 1 }, { expireAfterSeconds: 0, sparse: true })
}
export const enqueueBulk = (items) =>
  q.insertMany(
    items.map((x) => ({ s: 0, d: x.data })),
    { ordered: false },
  )
export const enqueueOne = (data) => q.insertOne({ s: 0, d: data })

let after
let turn = Promise.resolve()
const head = () =>
  (turn = turn
    .catch(() => {})
    .then(async () => {
      const docs = await q
        .find(
          { s: 0, _id: after && { $gt: after } },
          { sort: { _id: 1 }, limit: opts.batch, batchSize: opts.batch },
        )
        .toArray()
      after = docs.at(-1)?._id // nothing left: start over, there may be lower ids
      return docs
    }))
async function claim(k) {
  if (opts.batch === 1) {
    const doc = await q.findOneAndUpdate({ s: 0 }, { $set: { s: 1, k } }, { sort: { _id: 1 } })
    return doc ? [doc] : []
  }
  const docs = await head()
  if (!docs.length) return docs
  const { modifiedCount } = await q.updateMany(
    { _id: { $in: docs.map((x) => x._id) }, s: 0 },
    { $set: { s: 1, k } },
  )
  if (modifiedCount === docs.length) return docs
  return q.find({ _id: { $in: docs.map((x) => x._id) }, k }).toArray() // another process took some
}
function settle(mine) {
  if (opts.mode === 'delete') return q.deleteMany(mine)
  if (opts.mode === 'keep') return q.updateMany(mine, { $set: { s: 2 }, $unset: { k: 1 } })
  const x = new Date(Date.now() + 60_000)
  return q.updateMany(mine, { $set: { s: 2, x }, $unset: { k: 1, d: 1 } })
}
export async function process({ onStart }) {
  let wake = () => {}
  let stream
  if (opts.wake) {
    stream = q.watch([{ $match: { operationType: 'insert' } }, { $project: { _id: 1 } }])
    stream.on('change', () => wake())
  }
  const idle = () =>
    new Promise((r) => {
      wake = r
      setTimeout(r, opts.wake ? 1000 : 2)
    })
  const lane = async () => {
    let settling
    while (running) {
      const k = new ObjectId()
      const docs = await claim(k)
      await settling
      for (const x of docs) onStart(x.d)
      if (!docs.length) {
        await idle()
        continue
      }
      const mine = { _id: { $in: docs.map((x) => x._id) }, k }
      settling = settle(mine)
      if (!opts.beside) await settling
    }
  }
  for (let i = 0; i < opts.conns; i++) void lane()
  return {
    stop: () => {
      running = false
      return stream?.close()
    },
  }
}
export async function counts() {
  return { pending: await q.countDocuments({ s: { $lt: 2 } }) }
}
export const teardown = () => client.close()
