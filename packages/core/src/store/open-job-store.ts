import { checkMethods, hasMethod } from '../adapters/declared-methods.ts'
import { namespacedBroker } from '../adapters/namespaced-broker.ts'
import { namespacedLock } from '../adapters/namespaced-lock.ts'
import { namespacedStorage } from '../adapters/namespaced-storage.ts'
import { type Adapters, BACKEND, type Backend } from '../contracts/backend.ts'
import { BROKER_REQUIRED } from '../contracts/broker-engine.ts'
import type { JobStore } from '../contracts/job-store.ts'
import { type ILockAdapter, LOCK_REQUIRED } from '../contracts/lock-adapter.ts'
import { type IStorageEngine, STORAGE_REQUIRED } from '../contracts/storage-engine.ts'
import { UnsupportedError } from '../errors/sched-error.ts'
import { EmptyLogger, type Logger } from '../telemetry/logger.ts'
import { type Clock, systemClock } from '../values/clock.ts'
import { ComposedJobStore } from './composed/composed-job-store.ts'
import { StorageHealth } from './composed/storage-health.ts'
import { describeStore, type JobStoreDescription } from './describe-store.ts'
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
   * Makes the adapters and the store ready and measures the server's clock. Idempotent; the first call warns where fencing is missing.
   * Rejects INVALID_ARGUMENT when the jobs of the scope are kept by the other kind of store.
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
  let warning = warningOf(description.missing, storage)
  return {
    store,
    storage,
    lock,
    serverTime,
    description,
    async ready() {
      if (warning !== undefined) logger.warn(warning, { missing: description.missing })
      warning = undefined
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
  parts: Parts,
): { store: JobStore; description: JobStoreDescription } {
  const { adapters, requireFenced = false } = options
  const fused = fuse(options)
  if (typeof fused !== 'string')
    return { store: fused, description: describeStore(adapters, 'fused', SHARED, []) }
  const missing = missingForFenced(adapters)
  if (missing.length > 0 && requireFenced)
    throw new UnsupportedError(
      `requireFenced: ${lackOf(missing)}, so a stale finish could overwrite: use adapters that have them, or leave the option out`,
    )
  return {
    store: composed(options, parts),
    description: describeStore(adapters, 'composed', fused, missing),
  }
}

const SHARED = 'storage and broker share one backend'

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

/** What to know of adapters that offer less; undefined where they lack nothing. */
function warningOf(missing: readonly string[], storage: IStorageEngine): string | undefined {
  const sentences: string[] = []
  if (missing.length > 0)
    sentences.push(
      `${lackOf(missing)}: jobs run at least once, and a worker that was taken for dead may overwrite a later result`,
    )
  if (!hasMethod(storage, 'compareAndSet'))
    sentences.push(
      'the storage has no compareAndSet: when two processes race, an occurrence may run twice or a change of a schedule may be lost',
    )
  return sentences.length === 0 ? undefined : sentences.join('; ')
}

function lackOf(missing: readonly string[]): string {
  return `the adapters lack ${missing.join(', ')}`
}

/** The fused store, or why there is none. */
function fuse({
  adapters: { storage, broker },
  scope,
  fuse: wanted = true,
}: OpenJobStoreOptions): JobStore | string {
  if (!wanted) return '`fuse` is off'
  const backend = storage[BACKEND]
  if (backend && backend === broker[BACKEND])
    return (
      backend.fuse({ scope, storage, broker }) ??
      'storage and broker share a backend that does not fuse them: they differ in prefix or schema, or one of them was wrapped'
    )
  return `storage and broker do not share a backend: ${whyApart(backend, broker[BACKEND])}`
}

function whyApart(storage: Backend | undefined, broker: Backend | undefined): string {
  if (storage && broker)
    return 'each was made apart, with a connection of its own (one call, such as redis(url) or createAdapters({ mode }), makes both on one)'
  const without = storage ? 'the broker has none' : broker ? 'the storage has none' : 'neither has one'
  return `${without}, as adapters of one’s own and wrapped ones do not`
}
