import { schedPeer } from '../sched-peer.mjs'
export const server = 'mongo'
export const { setup, enqueueBulk, enqueueOne, process, counts, teardown } = schedPeer(async (conn) => {
  const { mongo } = await import('../../packages/mongo/dist/index.js')
  return mongo(conn.mongo)
})
