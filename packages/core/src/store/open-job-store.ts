import { checkMethods, hasMethod } from '../adapters/declared-methods.ts'
import { namespacedBroker } from '../adapters/namespaced-broker.ts'
import { namespacedLock } from '../adapters/namespaced-lock.ts'
import { namespacedStorage } from '../adapters/namespaced-storage.ts'
import { type Adapters, BACKEND } from '../contracts/backend.ts'
import { BROKER_REQUIRED } from '../contracts/broker-engine.ts'
import type { JobStore } from '../contracts/job-store.ts'
import type { Traits } from '../contracts/lifecycle.ts'
import { type ILockAdapter, LOCK_REQUIRED } from '../contracts/lock-adapter.ts'
import { type IStorageEngine, STORAGE_REQUIRED } from '../contracts/storage-engine.ts'
import { UnsupportedError } from '../errors/sched-error.ts'
import { EmptyLogger, type Logger } from '../telemetry/logger.ts'
import { type Clock, systemClock } from '../values/clock.ts'
import { ComposedJobStore } from './composed/composed-job-store.ts'
import { StorageHealth } from './composed/storage-health.ts'
import { ServerTime } from './server-time.ts'
import { type StoreKind, takeScopeFor } from './store-kind.ts'

export interface OpenJobStoreOptions {
  readonly adapters: Adapters
  /** What `scopeOf` made: everything lives under it. */
  readonly scope: string
  readonly clock?: Clock
  readonly logger?: Logger
  /**
   * False: the composed store, also where the adapters could fuse. Default true. The two keep their jobs in different places, so all that
   * use a scope must agree on it: `ready` rejects while the other kind has unfinished jobs or live workers there.
   */
  readonly fuse?: boolean
  /** True: adapters without fencing are refused with UNSUPPORTED instead of a warning. Default false. */
  readonly requireFenced?: boolean
}

/** What the adapters amount to: for logs, `sched doctor` and tests. */
export interface JobStoreDescription {
  readonly store: StoreKind
  /** Why it is that one, in a sentence. */
  readonly reason: string
  /**
   * `fused`: one round trip a batch · `fenced`: compare-and-set, pages, server clock and receipts: a stale finish is refused ·
   * `base`: at-least-once, and a stale finish may overwrite.
   */
  readonly tier: 'fused' | 'fenced' | 'base'
  /** What keeps it from the fenced tier, as method and trait names. */
  readonly missing: readonly string[]
  /** What an acknowledged enqueue survives; undefined where the storage does not say. */
  readonly durability: Traits['durability'] | undefined
}

export interface OpenedJobStore {
  readonly store: JobStore
  /** Under the scope, for everything else that is stored. */
  readonly storage: IStorageEngine
  /** Under the scope. */
  readonly lock: ILockAdapter
  /** The storage server's clock, once `ready` resolved. */
  readonly serverTime: ServerTime
  readonly description: JobStoreDescription
  /**
   * Makes the adapters and the store ready and measures the server's clock. Idempotent. Rejects INVALID_ARGUMENT when the jobs of the
   * scope are kept by the other kind of store.
   */
  ready(): Promise<void>
  /** Closes the store; the adapters stay open for others. Idempotent. */
  closeStore(): Promise<void>
  /** Closes the store, then the adapters. Idempotent. */
  close(): Promise<void>
}

/**
 * The job store of three adapters: the fused one when storage and broker carry the same backend object and its `fuse` answers one, else
 * the composed one. Does no I/O; call `ready` before use.
 * Throws ADAPTER_INVALID when a required method is missing, UNSUPPORTED when `requireFenced` asks for what the adapters lack.
 */
export function openJobStore(options: OpenJobStoreOptions): OpenedJobStore {
  const { adapters, scope, clock = systemClock, logger = new EmptyLogger() } = options
  checkAdapters(adapters)
  const storage = namespacedStorage(adapters.storage, scope)
  const lock = namespacedLock(adapters.lock, scope)
  const serverTime = new ServerTime(storage, clock)
  const parts: Parts = { storage, lock, serverTime }
  const { store, description } = chooseStore(options, parts)
  const kind = description.store
  return {
    store,
    storage,
    lock,
    serverTime,
    description,
    async ready() {
      await Promise.all([storage.ready?.(), adapters.broker.ready?.(), lock.ready?.()])
      await store.ready?.()
      await serverTime.measure()
      const health = new StorageHealth(clock)
      const other = (): JobStore | undefined => otherStore(kind, options, parts)
      await takeScopeFor({ storage, serverTime, health, logger, kind, other })
    },
    async closeStore() {
      await store.close?.()
    },
    async close() {
      await store.close?.()
      await Promise.all([storage.close?.(), adapters.broker.close?.(), lock.close?.()])
      await adapters.close?.()
    },
  }
}

function checkAdapters({ storage, broker, lock }: Adapters): void {
  checkMethods(storage, 'storage', STORAGE_REQUIRED)
  checkMethods(broker, 'broker', BROKER_REQUIRED)
  checkMethods(lock, 'lock', LOCK_REQUIRED)
}

interface Parts {
  readonly storage: IStorageEngine
  readonly lock: ILockAdapter
  readonly serverTime: ServerTime
}

function chooseStore(
  options: OpenJobStoreOptions,
  { storage, lock, serverTime }: Parts,
): { store: JobStore; description: JobStoreDescription } {
  const { adapters, logger = new EmptyLogger() } = options
  const durability = adapters.storage.traits?.durability
  const fused = fuse(options)
  if (typeof fused !== 'string') {
    const reason = 'storage and broker share one backend'
    return { store: fused, description: { store: 'fused', reason, tier: 'fused', missing: [], durability } }
  }
  const missing = missingForFenced(adapters)
  if (missing.length > 0) refuseOrWarn(missing, options.requireFenced ?? false, logger)
  return {
    store: composed(options, { storage, lock, serverTime }),
    description: {
      store: 'composed',
      reason: fused,
      tier: missing.length > 0 ? 'base' : 'fenced',
      missing,
      durability,
    },
  }
}

function composed(
  { adapters, scope, clock = systemClock, logger = new EmptyLogger() }: OpenJobStoreOptions,
  { storage, lock, serverTime }: Parts,
): JobStore {
  const broker = namespacedBroker(adapters.broker, scope)
  return new ComposedJobStore({ storage, broker, lock, serverTime, clock, logger })
}

/** The store of the other kind than `kind`, for looking; undefined where the adapters have no fused one. */
function otherStore(kind: StoreKind, options: OpenJobStoreOptions, parts: Parts): JobStore | undefined {
  if (kind === 'fused') return composed(options, parts)
  const fused = fuse({ ...options, fuse: true })
  return typeof fused === 'string' ? undefined : fused
}

/** What the fenced tier needs and the adapters lack. */
function missingForFenced({ storage, broker }: Adapters): string[] {
  const missing: string[] = []
  for (const name of ['compareAndSet', 'page', 'now'])
    if (!hasMethod(storage, name)) missing.push(`storage.${name}`)
  if (!hasMethod(broker, 'claimLeases') && broker.traits?.receipts !== true)
    missing.push('broker.claimLeases')
  return missing
}

function refuseOrWarn(missing: readonly string[], refuse: boolean, logger: Logger): void {
  const lack = `the adapters lack ${missing.join(', ')}`
  if (refuse) {
    throw new UnsupportedError(
      `requireFenced: ${lack}, so a stale finish could overwrite: use adapters that have them, or leave the option out`,
    )
  }
  logger.warn(
    `${lack}: jobs run at least once, and a worker that was taken for dead may overwrite a later result`,
    {
      missing,
    },
  )
}

/** The fused store, or why there is none. */
function fuse({
  adapters: { storage, broker },
  scope,
  fuse: wanted = true,
}: OpenJobStoreOptions): JobStore | string {
  if (!wanted) return '`fuse` is off'
  const backend = storage[BACKEND]
  if (!backend || backend !== broker[BACKEND]) return 'storage and broker do not share a backend'
  return (
    backend.fuse({ scope, storage, broker }) ??
    'storage and broker share a backend, but differ in prefix or schema'
  )
}
