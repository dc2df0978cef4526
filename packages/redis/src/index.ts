/** `@sched/redis`: storage, broker, lock and a fused job store on Redis, Valkey, Cluster and Sentinel. */
import type { ILockAdapter, IStorageEngine } from '@sched/core/adapter'
import { Backend } from './backend.ts'
import { RedisLock } from './lock.ts'
import type { RedisAdapterOptions, RedisSource } from './options.ts'
import { RedisStorage } from './storage.ts'

export type { RedisAdapterOptions, RedisConnectionOptions, RedisSource } from './options.ts'

/** Records on Redis, on a connection of its own. */
export function createRedisStorage(source: RedisSource, options: RedisAdapterOptions = {}): IStorageEngine {
  return new RedisStorage(new Backend(source, options))
}

/** Locks on Redis, on a connection of their own. */
export function createRedisLock(source: RedisSource, options: RedisAdapterOptions = {}): ILockAdapter {
  return new RedisLock(new Backend(source, options))
}
