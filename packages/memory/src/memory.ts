import type { Adapters, HasBackend } from '@sched/core/adapter'
import { backendOf } from './backend.ts'
import { MemoryBroker } from './broker.ts'
import { MemoryLock } from './lock.ts'
import { checkOptions, type MemoryOptions } from './options.ts'
import type { MemoryServer } from './server.ts'
import { MemoryStorage } from './storage.ts'

/** Storage, broker and lock of one node, and the server that holds their data. */
export interface MemoryAdapters extends Adapters {
  readonly storage: MemoryStorage & HasBackend
  readonly broker: MemoryBroker & HasBackend
  readonly lock: MemoryLock
  /** Give it to another `memory({ server })` for a second node over the same data. */
  readonly server: MemoryServer
  /** Closes the three, and the job stores fused from them. The data lives on as long as the server is referenced. */
  close(): Promise<void>
}

/**
 * A node over a memory server: `new JobScheduler({ adapters: memory() })`. Several schedulers may share one node, or have one each
 * over the same `server`; either way they work as a cluster does. Nothing outlives the process. Throws INVALID_ARGUMENT.
 */
export function memory(options: MemoryOptions = {}): MemoryAdapters {
  const { server, prefix, resetOnInit } = checkOptions(options)
  const space = server.space(prefix)
  const backend = backendOf(server)
  const storage = backend.made(new MemoryStorage({ space, prefix, resetOnInit }))
  const broker = backend.made(new MemoryBroker({ server, prefix, resetOnInit }))
  const lock = new MemoryLock(space, resetOnInit)
  const close = async () => {
    await Promise.all([storage.close(), broker.close(), lock.close()])
  }
  return { storage, broker, lock, server, close }
}

/** A storage alone, to mix with other adapters. Throws INVALID_ARGUMENT. */
export function createMemoryStorage(options: MemoryOptions = {}): MemoryStorage & HasBackend {
  return memory(options).storage
}

/** A broker alone, to mix with other adapters. Throws INVALID_ARGUMENT. */
export function createMemoryBroker(options: MemoryOptions = {}): MemoryBroker & HasBackend {
  return memory(options).broker
}

/** A lock alone, to mix with other adapters. Throws INVALID_ARGUMENT. */
export function createMemoryLock(options: MemoryOptions = {}): MemoryLock {
  return memory(options).lock
}
