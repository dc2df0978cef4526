/** `@sched/mongo`: storage, broker, lock and a fused job store on MongoDB. */
import type { Adapters, HasBackend, IBrokerEngine, ILockAdapter, IStorageEngine } from '@sched/core/adapter'
import { Backend } from './backend.ts'
import { MongoBroker } from './broker.ts'
import { MongoJobStore } from './job-store.ts'
import { MongoLock } from './lock.ts'
import { withBackend } from './mongo-adapter.ts'
import type { MongoAdapterOptions, MongoSource } from './options.ts'
import { MongoStorage } from './storage.ts'

export type { MongoAdapterOptions, MongoConnectionOptions, MongoSource } from './options.ts'

/**
 * Storage, broker and lock over one client, with one backend handle, so that jobs go through the fused store. Nothing is connected
 * before `ready()`, which creates the indexes, or the first call. Throws INVALID_ARGUMENT for a bad option.
 */
export function mongo(source: MongoSource, options: MongoAdapterOptions = {}): Required<Adapters> {
  const backend = open(source, options)
  const storage = withBackend(new MongoStorage(backend), backend)
  const broker = withBackend(new MongoBroker(backend), backend)
  const lock = new MongoLock(backend)
  const close = async (): Promise<void> => {
    await Promise.all([storage.close(), broker.close(), lock.close()])
  }
  return { storage, broker, lock, close }
}

/** Records in MongoDB, over a client of their own. */
export function createMongoStorage(
  source: MongoSource,
  options: MongoAdapterOptions = {},
): IStorageEngine & HasBackend {
  const backend = open(source, options)
  return withBackend(new MongoStorage(backend), backend)
}

/** Queues in MongoDB, over a client of their own. */
export function createMongoBroker(
  source: MongoSource,
  options: MongoAdapterOptions = {},
): IBrokerEngine & HasBackend {
  const backend = open(source, options)
  return withBackend(new MongoBroker(backend), backend)
}

/** Locks in MongoDB, over a client of their own. */
export function createMongoLock(source: MongoSource, options: MongoAdapterOptions = {}): ILockAdapter {
  return new MongoLock(open(source, options))
}

function open(source: MongoSource, options: MongoAdapterOptions): Backend {
  return new Backend(source, options, (backend, scope) => new MongoJobStore(backend, scope))
}
