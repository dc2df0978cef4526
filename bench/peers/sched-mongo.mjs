// ":poll" does without change streams.
import { schedPeer } from '../sched-peer.mjs'
export const server = 'mongo'
export const { setup, enqueueBulk, enqueueOne, process, counts, teardown } = schedPeer(async (conn, opts) => {
  const { mongo } = await import('../../packages/mongo/dist/index.js')
  const adapters = mongo(conn.mongo, { changeStreams: !opts.poll })
  // connected, and with its indexes, before anything is measured, as the peers are
  await adapters.storage.ready()
  return adapters
})
