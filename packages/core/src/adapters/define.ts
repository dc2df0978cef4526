/**
 * Adapters from plain objects, or instances of classes: their methods are checked once, here, and what comes out is a full engine that
 * declares exactly the optional methods it found. Methods may answer at once or by a promise. A method whose name is almost that of an
 * optional one is refused; others of the author's own are left alone.
 */
import { BACKEND, type Backend, type HasBackend } from '../contracts/backend.ts'
import {
  BROKER_OPTIONAL,
  BROKER_REQUIRED,
  type ClaimOptions,
  type IBrokerEngine,
  type Lease,
  type NackItem,
  type PublishItem,
  type QueueSize,
  type ReceiptItem,
} from '../contracts/broker-engine.ts'
import type { BrokerStrategy, Traits } from '../contracts/lifecycle.ts'
import { type ILockAdapter, LOCK_OPTIONAL, LOCK_REQUIRED } from '../contracts/lock-adapter.ts'
import {
  type CompareAndSetItem,
  type Filter,
  type IStorageEngine,
  type ListOptions,
  type PatchItem,
  type PatchOptions,
  STORAGE_OPTIONAL,
  STORAGE_REQUIRED,
  type StoredRecord,
} from '../contracts/storage-engine.ts'
import { AdapterInvalidError } from '../errors/sched-error.ts'
import { checkMethods, hasMethod } from './declared-methods.ts'
import { refuseNearMisses } from './near-miss.ts'

export type Awaitable<T> = T | Promise<T>

/** {@link Lifecycle} as an author may write it; what is left out is taken as done. */
export interface LifecycleImplementation extends HasBackend {
  ready?(): Awaitable<unknown>
  ping?(): Awaitable<unknown>
  close?(): Awaitable<unknown>
  readonly traits?: Partial<Traits>
}

/** {@link IStorageEngine} as an author may write it: values are `unknown`. The rules are that contract's. */
export interface StorageImplementation extends LifecycleImplementation {
  save(namespace: string, id: string, value: unknown): Awaitable<unknown>
  get(namespace: string, id: string): Awaitable<unknown>
  list(namespace: string, filter?: Filter, options?: ListOptions): Awaitable<readonly unknown[]>
  delete(namespace: string, id: string): Awaitable<unknown>
  prune(namespace: string, beforeMs: number): Awaitable<number>
  count(namespace: string, filter?: Filter): Awaitable<number>
  page?(
    namespace: string,
    filter: Filter | undefined,
    options: { readonly limit: number; readonly after?: string },
  ): Awaitable<readonly StoredRecord<unknown>[]>
  compareAndSet?(
    namespace: string,
    id: string,
    expectedRev: number | null,
    value: unknown,
  ): Awaitable<boolean>
  compareAndSetMany?(
    namespace: string,
    items: readonly CompareAndSetItem<unknown>[],
  ): Awaitable<readonly boolean[]>
  patchMany?(
    namespace: string,
    items: readonly PatchItem[],
    options?: PatchOptions,
  ): Awaitable<readonly unknown[]>
  getMany?(namespace: string, ids: readonly string[]): Awaitable<readonly unknown[]>
  saveMany?(namespace: string, records: readonly StoredRecord<unknown>[]): Awaitable<unknown>
  deleteMany?(namespace: string, ids: readonly string[]): Awaitable<number>
  now?(): Awaitable<number>
  index?(namespace: string, fields: readonly string[]): Awaitable<unknown>
  within?(transaction: unknown): StorageImplementation
}

/** {@link IBrokerEngine} as an author may write it. The rules are that contract's. */
export interface BrokerImplementation extends LifecycleImplementation {
  publish(name: string, id: string, delayMs?: number, priority?: number): Awaitable<unknown>
  claim(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    strategy?: BrokerStrategy,
  ): Awaitable<readonly string[]>
  extendLock(
    id: string,
    consumerId: string,
    leaseMs: number,
    name?: string,
    receipt?: string,
  ): Awaitable<unknown>
  ack(name: string, id: string, receipt?: string): Awaitable<boolean | void>
  nack(name: string, id: string, delayMs?: number, receipt?: string): Awaitable<boolean | void>
  pause(name: string): Awaitable<unknown>
  resume(name: string): Awaitable<unknown>
  claimBlocking?(
    name: string,
    consumerId: string,
    leaseMs: number,
    timeoutMs: number,
    strategy?: BrokerStrategy,
    signal?: AbortSignal,
  ): Awaitable<string | null>
  claimLeases?(
    name: string,
    consumerId: string,
    limit: number,
    leaseMs: number,
    options?: ClaimOptions,
  ): Awaitable<readonly Lease[]>
  publishMany?(name: string, items: readonly PublishItem[]): Awaitable<unknown>
  ackMany?(name: string, items: readonly ReceiptItem[]): Awaitable<readonly boolean[]>
  nackMany?(name: string, items: readonly NackItem[]): Awaitable<readonly boolean[]>
  extendMany?(
    name: string,
    consumerId: string,
    leaseMs: number,
    items: readonly ReceiptItem[],
  ): Awaitable<readonly boolean[]>
  remove?(name: string, id: string): Awaitable<boolean>
  has?(name: string, ids: readonly string[]): Awaitable<readonly boolean[]>
  size?(name: string): Awaitable<QueueSize>
  isPaused?(name: string): Awaitable<boolean>
  nextDueIn?(name: string): Awaitable<number | null>
  subscribe?(names: readonly string[], onWake: (name: string) => void): Awaitable<() => Awaitable<unknown>>
  incarnation?(): Awaitable<string>
}

/** {@link ILockAdapter} as an author may write it. The rules are that contract's. */
export interface LockImplementation extends LifecycleImplementation {
  acquire(key: string, ownerId: string, ttlMs: number): Awaitable<boolean>
  renew(key: string, ownerId: string, ttlMs: number): Awaitable<boolean>
  release(key: string, ownerId: string): Awaitable<unknown>
  isOwner(key: string, ownerId: string): Awaitable<boolean>
  acquireLease?(key: string, ownerId: string, ttlMs: number): Awaitable<{ readonly token: number } | null>
}

type Defined<E> = E & Required<Pick<LifecycleImplementation, 'ready' | 'ping' | 'close'>> & HasBackend

/** A storage from a plain object. Throws ADAPTER_INVALID that names every required method it lacks, or one whose name is misspelt. */
export function createStorage(impl: StorageImplementation): Defined<IStorageEngine> {
  const engine = define<IStorageEngine>('storage', impl, STORAGE_REQUIRED, STORAGE_OPTIONAL)
  if (engine.within) engine.within = (transaction) => createStorage(impl.within!(transaction))
  return engine
}

/** A broker from a plain object. Throws ADAPTER_INVALID that names every required method it lacks, or one whose name is misspelt. */
export function createBroker(impl: BrokerImplementation): Defined<IBrokerEngine> {
  return define<IBrokerEngine>('broker', impl, BROKER_REQUIRED, BROKER_OPTIONAL)
}

/** A lock from a plain object. Throws ADAPTER_INVALID that names every required method it lacks, or one whose name is misspelt. */
export function createLock(impl: LockImplementation): Defined<ILockAdapter> {
  return define<ILockAdapter>('lock', impl, LOCK_REQUIRED, LOCK_OPTIONAL)
}

function define<E extends object>(
  what: string,
  impl: LifecycleImplementation,
  required: readonly string[],
  optional: readonly string[],
): Defined<E> {
  checkMethods(impl, what, required)
  refuseNearMisses(impl, what, [...LIFECYCLE, ...required, ...optional])
  const methods = impl as Readonly<Record<string, unknown>>
  const engine: Record<string, unknown> = { ready: done, ping: done, close: done }
  for (const name of [...LIFECYCLE, ...required, ...optional]) {
    if (hasMethod(impl, name)) engine[name] = async (...args: unknown[]) => callOf(methods, name)(...args)
    else if (methods[name] !== undefined) {
      throw new AdapterInvalidError(
        `${name} of the ${what} adapter must be a method, not ${typeof methods[name]}: leave it out if there is none`,
        [name],
      )
    }
  }
  if (impl.traits) Object.defineProperty(engine, 'traits', { get: () => impl.traits, enumerable: true })
  const backend: Backend | undefined = impl[BACKEND]
  return Object.assign(engine, backend ? { [BACKEND]: backend } : {}) as Defined<E>
}

const LIFECYCLE: readonly string[] = ['ready', 'ping', 'close']

const done = async (): Promise<void> => undefined

function callOf(methods: Readonly<Record<string, unknown>>, name: string): (...args: unknown[]) => unknown {
  return (methods[name] as (...args: unknown[]) => unknown).bind(methods)
}
