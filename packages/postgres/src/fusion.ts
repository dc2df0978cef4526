import {
  BACKEND,
  type Backend as CoreBackend,
  type FuseParts,
  type HasBackend,
  type JobStore,
} from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { PostgresJobStore } from './job-store.ts'

/** What adapters over one pool carry, by which core finds that they may fuse. */
export class Fusion implements CoreBackend {
  readonly #backend: Backend

  constructor(backend: Backend) {
    this.#backend = backend
  }

  fuse({ scope, storage, broker }: FuseParts): JobStore | undefined {
    if (!this.#backend.has(storage) || !this.#backend.has(broker)) return undefined
    return new PostgresJobStore(this.#backend, scope)
  }
}

/** The adapter with what it shares. */
export function withFusion<T extends object>(adapter: T, fusion: Fusion): T & HasBackend {
  return Object.defineProperty(adapter, BACKEND, { value: fusion })
}
