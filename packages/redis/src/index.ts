/** `@sched/redis`: storage, broker, lock and a fused job store on Redis, Valkey, Cluster and Sentinel. */
import type { Adapters, HasBackend, IBrokerEngine, ILockAdapter, IStorageEngine } from '@sched/core/adapter'
import { Backend } from './backend.ts'
import { RedisBroker } from './broker.ts'
import { RedisJobStore } from './job-store.ts'
import { RedisLock } from './lock.ts'
import type { RedisAdapterOptions, RedisSource } from './options.ts'
import { withBackend } from './redis-adapter.ts'
import { RedisStorage } from './storage.ts'

export type { RedisAdapterOptions, RedisConnectionOptions, RedisSource } from './options.ts'

/**
 * Storage, broker and lock over one connection, with one backend handle, so that jobs go through the fused store: enqueueing a batch,
 * and settling with claiming, are one round trip each. Nothing is connected before `ready()` or the first call.
 * Throws INVALID_ARGUMENT for a bad option.
 */
export function redis(source: RedisSource, options: RedisAdapterOptions = {}): Required<Adapters> {
  const backend = open(source, options)
  const storage = withBackend(new RedisStorage(backend), backend)
  const broker = withBackend(new RedisBroker(backend), backend)
  const lock = new RedisLock(backend)
  const close = async (): Promise<void> => {
    await Promise.all([storage.close(), broker.close(), lock.close()])
  }
  return { storage, broker, lock, close }
}

/** Records on Redis, on a connection of its own. */
export function createRedisStorage(
  source: RedisSource,
  options: RedisAdapterOptions = {},
): IStorageEngine & HasBackend {
  const backend = open(source, options)
  return withBackend(new RedisStorage(backend), backend)
}

/** Queues on Redis, on connections of their own. */
export function createRedisBroker(
  source: RedisSource,
  options: RedisAdapterOptions = {},
): IBrokerEngine & HasBackend {
  const backend = open(source, options)
  return withBackend(new RedisBroker(backend), backend)
}

/** Locks on Redis, on a connection of their own. */
export function createRedisLock(source: RedisSource, options: RedisAdapterOptions = {}): ILockAdapter {
  return new RedisLock(open(source, options))
}

function open(source: RedisSource, options: RedisAdapterOptions): Backend {
  return new Backend(source, options, (backend, scope) => new RedisJobStore(backend, scope))
}
