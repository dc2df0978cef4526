import { schedPeer } from '../sched-peer.mjs'
export const server = 'memory'
export const { setup, enqueueBulk, enqueueOne, process, counts, teardown } = schedPeer(async () => {
  const { memory } = await import('../../packages/memory/dist/index.js')
  return memory()
})
