/** `@sched/postgres`: storage, broker, lock and a fused job store on PostgreSQL. */
import type { Adapters, HasBackend, IBrokerEngine, ILockAdapter, IStorageEngine } from '@sched/core/adapter'
import { Backend } from './backend.ts'
import { PostgresBroker } from './broker.ts'
import { Fusion, withFusion } from './fusion.ts'
import { PostgresLock } from './lock.ts'
import type { PostgresAdapterOptions, PostgresSource } from './options.ts'
import { PostgresStorage } from './storage.ts'

export { migrationSql } from './migrations.ts'
export type { PostgresAdapterOptions, PostgresConnectionOptions, PostgresSource } from './options.ts'

/**
 * Storage, broker and lock over one pool, with one backend handle, so that jobs go through the fused store: enqueueing a batch,
 * and settling with claiming, are one round trip each. Nothing is connected before `ready()`, which creates the tables. Throws INVALID_ARGUMENT for a bad option.
 */
export function postgres(source: PostgresSource, options: PostgresAdapterOptions = {}): Required<Adapters> {
  const backend = new Backend(source, options)
  const fusion = new Fusion(backend)
  const storage = withFusion(new PostgresStorage(backend), fusion)
  const broker = withFusion(new PostgresBroker(backend), fusion)
  const lock = new PostgresLock(backend)
  const close = async (): Promise<void> => {
    await Promise.all([storage.close(), broker.close(), lock.close()])
  }
  return { storage, broker, lock, close }
}

/** Records in PostgreSQL, over a pool of their own. */
export function createPostgresStorage(
  source: PostgresSource,
  options: PostgresAdapterOptions = {},
): IStorageEngine & HasBackend {
  const backend = new Backend(source, options)
  return withFusion(new PostgresStorage(backend), new Fusion(backend))
}

/** Queues in PostgreSQL, over a pool of their own. */
export function createPostgresBroker(
  source: PostgresSource,
  options: PostgresAdapterOptions = {},
): IBrokerEngine & HasBackend {
  const backend = new Backend(source, options)
  return withFusion(new PostgresBroker(backend), new Fusion(backend))
}

/** Locks in PostgreSQL, over a pool of their own. */
export function createPostgresLock(
  source: PostgresSource,
  options: PostgresAdapterOptions = {},
): ILockAdapter {
  return new PostgresLock(new Backend(source, options))
}
