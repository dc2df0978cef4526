import { schedPeer } from '../sched-peer.mjs'
export const server = 'pg'
export const { setup, enqueueBulk, enqueueOne, process, counts, teardown } = schedPeer(async (conn) => {
  const { postgres } = await import('../../packages/postgres/dist/index.js')
  return postgres(conn.pg)
})
