// PostgreSQL or MongoDB keeps the truth (":storage=postgres", ":storage=mongo"), Redis moves the work and holds the locks.
import { schedPeer } from '../sched-peer.mjs'
export const server = 'redis'
export const stores = ({ storage }) => (storage === 'mongo' ? 'mongo' : 'pg')
export const { setup, enqueueBulk, enqueueOne, process, counts, teardown } = schedPeer(async (conn, opts) => {
  const { redis } = await import('../../packages/redis/dist/index.js')
  const moves = await redis(conn.redis)
  const keeps =
    opts.storage === 'mongo'
      ? await (await import('../../packages/mongo/dist/index.js')).mongo(conn.mongo)
      : await (await import('../../packages/postgres/dist/index.js')).postgres(conn.pg)
  const close = async () => {
    await Promise.all([moves.close(), keeps.close()])
  }
  return { storage: keeps.storage, broker: moves.broker, lock: moves.lock, close }
})
