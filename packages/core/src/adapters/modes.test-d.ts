// Checked by tsc: which options each mode and type takes. Nothing here runs.
import type { Adapters } from '../contracts/backend.ts'
import type { IStorageEngine } from '../contracts/storage-engine.ts'
import { JobScheduler } from '../runtime/scheduler.ts'
import { createAdapters, createStorageAdapter } from './create-adapters.ts'

declare const adapters: Adapters
declare const mode: 'redis' | 'db'

const redis = 'redis://localhost'
const postgres = { connectionString: 'postgres://localhost/app', tablePrefix: 'jobs', poolSize: 10 }
const mongo = { url: 'mongodb://localhost', prefix: 'app' }

export async function adaptersByMode(): Promise<void> {
  const made: Required<Adapters> = await createAdapters({ mode: 'default' })
  await made.close()
  await createAdapters({ mode: 'default', memory: { prefix: 'a' } })
  await createAdapters({ mode: 'redis', redis })
  await createAdapters({ mode: 'redis', redis: { host: 'h', port: 1, prefix: 'a' } })
  await createAdapters({ mode: 'db', postgres })
  await createAdapters({ mode: 'mongo', mongo })
  await createAdapters({ mode: 'hybrid-db', postgres, redis })
  await createAdapters({ mode: 'hybrid', storage: 'mongo', broker: 'redis', mongo, redis })
  await createAdapters({ mode: 'hybrid', storage: 'redis', broker: 'redis', lock: 'memory', redis })
  await createAdapters({ mode: 'custom', adapters })
  await createAdapters({ mode, redis, postgres })
  // @ts-expect-error a mode is needed
  await createAdapters({ redis })
  // @ts-expect-error no such mode
  await createAdapters({ mode: 'rediss', redis })
  // @ts-expect-error redis is missing
  await createAdapters({ mode: 'redis' })
  // @ts-expect-error the mode may be db
  await createAdapters({ mode, redis })
  // @ts-expect-error postgres is missing
  await createAdapters({ mode: 'hybrid-db', redis })
  // @ts-expect-error mongo is named, and has no configuration
  await createAdapters({ mode: 'hybrid', storage: 'mongo', broker: 'redis', redis })
  // @ts-expect-error the lock is in PostgreSQL, which has no configuration
  await createAdapters({ mode: 'hybrid', storage: 'memory', broker: 'memory', lock: 'postgres' })
  // @ts-expect-error no such backend
  await createAdapters({ mode: 'hybrid', storage: 'db', broker: 'redis', redis })
  // @ts-expect-error a misspelt option
  await createAdapters({ mode: 'redis', redis: { hots: 'h' } })
  // @ts-expect-error a misspelt option
  await createAdapters({ mode: 'db', postgres: { ...postgres, tabelPrefix: 'x' } })
  // @ts-expect-error adapters are missing
  await createAdapters({ mode: 'custom' })
}

export async function oneAdapter(): Promise<void> {
  const storage: IStorageEngine = await createStorageAdapter({ type: 'postgres', postgres })
  await storage.get('namespace', 'id')
  await createStorageAdapter({ type: 'memory' })
  // @ts-expect-error redis is missing
  await createStorageAdapter({ type: 'redis' })
  // @ts-expect-error that is a mode
  await createStorageAdapter({ type: 'db', postgres })
}

export function schedulers(): void {
  new JobScheduler({})
  new JobScheduler({ adapters })
  new JobScheduler({ mode: 'custom', adapters })
  new JobScheduler({ mode: 'default', project: 'billing' })
  new JobScheduler({ mode: 'redis', redis, jobs: [], requireFenced: true })
  new JobScheduler({ mode: 'db', postgres, environment: 'production' })
  new JobScheduler({ mode: 'hybrid', storage: 'postgres', broker: 'redis', postgres, redis })
  new JobScheduler({ mode, redis, postgres })
  // @ts-expect-error redis is missing
  new JobScheduler({ mode: 'redis', jobs: [] })
  // @ts-expect-error a mode is missing, and redis would not be used
  new JobScheduler({ redis })
  // @ts-expect-error a mode is missing, also beside other options
  new JobScheduler({ redis, jobs: [] })
  // @ts-expect-error a mode is missing
  new JobScheduler({ storage: 'redis', broker: 'redis', jobs: [], project: 'billing' })
  // @ts-expect-error adapters belong to the mode custom
  new JobScheduler({ mode: 'redis', redis, adapters })
  // @ts-expect-error the storage and the broker are missing
  new JobScheduler({ mode: 'hybrid', redis })
}
