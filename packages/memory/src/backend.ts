import { BACKEND, type Backend, type FuseParts, type HasBackend, type JobStore } from '@sched/core/adapter'
import { MemoryBroker } from './broker.ts'
import { MemoryJobStore } from './job-store/memory-job-store.ts'
import type { MemoryServer } from './server.ts'
import { MemoryStorage } from './storage.ts'

/** What storages and brokers on one memory server have in common: they fuse when their prefixes are equal too. */
export class MemoryBackend implements Backend {
  readonly #server: MemoryServer
  /** What was made on the server, and is not a wrapper that looks like it. */
  readonly #made: WeakSet<object> = new WeakSet()

  constructor(server: MemoryServer) {
    this.#server = server
  }

  made<T extends object>(adapter: T): T & HasBackend {
    this.#made.add(adapter)
    return Object.assign(adapter, { [BACKEND]: this })
  }

  /** The store closes with the storage or the broker it was fused from. */
  fuse({ scope, storage, broker }: FuseParts): JobStore | undefined {
    if (!(storage instanceof MemoryStorage) || !(broker instanceof MemoryBroker)) return undefined
    if (!this.#made.has(storage) || !this.#made.has(broker)) return undefined
    if (storage.prefix !== broker.prefix) return undefined
    const store = new MemoryJobStore(this.#server.space(storage.prefix).jobsOf(scope), broker.traits)
    const close = storage.endsWith(broker.endsWith(() => void store.close()))
    store.endsWith(close)
    return store
  }
}

const backends: WeakMap<MemoryServer, MemoryBackend> = new WeakMap()

/** The one backend of a server. */
export function backendOf(server: MemoryServer): MemoryBackend {
  let backend = backends.get(server)
  if (backend === undefined) {
    backend = new MemoryBackend(server)
    backends.set(server, backend)
  }
  return backend
}
