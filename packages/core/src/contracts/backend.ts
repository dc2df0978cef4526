import type { IBrokerEngine } from './broker-engine.ts'
import type { JobStore } from './job-store.ts'
import type { ILockAdapter } from './lock-adapter.ts'
import type { IStorageEngine } from './storage-engine.ts'

/**
 * Where an adapter carries its {@link Backend}. The same object on a storage and a broker means: one server connection, so they may
 * fuse. Never found by comparing URLs.
 */
export const BACKEND: unique symbol = Symbol.for('@sched/backend')

export interface FuseParts {
  /** `product:project:environment`, escaped. */
  readonly scope: string
  /** As the adapter package made them, before core wraps them. */
  readonly storage: IStorageEngine
  readonly broker: IBrokerEngine
}

export interface Backend {
  /** A job store that does enqueue, and settle-with-claim, in one trip. Undefined when their prefix or schema differ. */
  fuse(parts: FuseParts): JobStore | undefined
}

/** An adapter that may carry its backend. */
export interface HasBackend {
  readonly [BACKEND]?: Backend
}

/** The three adapters a scheduler runs on. `close` ends what the factory opened. */
export interface Adapters {
  readonly storage: IStorageEngine & HasBackend
  readonly broker: IBrokerEngine & HasBackend
  readonly lock: ILockAdapter
  close?(): Promise<void>
}
