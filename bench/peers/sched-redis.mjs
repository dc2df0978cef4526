import { schedPeer } from '../sched-peer.mjs'
export const server = 'redis'
export const { setup, enqueueBulk, enqueueOne, process, counts, teardown } = schedPeer(async (conn) => {
  const { redis } = await import('../../packages/redis/dist/index.js')
  return redis(conn.redis)
})
