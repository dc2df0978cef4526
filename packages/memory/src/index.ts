/** `@sched/memory`: in-process storage, broker and lock for `@sched/core`: the embedded default, and the readable reference. */
export type { MemoryBroker } from './broker.ts'
export type { MemoryLock } from './lock.ts'
export {
  createMemoryBroker,
  createMemoryLock,
  createMemoryStorage,
  type MemoryAdapters,
  memory,
} from './memory.ts'
export type { MemoryOptions } from './options.ts'
export { MemoryServer, type MemoryServerOptions } from './server.ts'
export type { MemoryStorage } from './storage.ts'
