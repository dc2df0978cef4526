/** Real servers for tests: the ones a test run shares (`serviceUrl`) and ones that a test has for itself (`startRedis` and its like). */
import type { MongoOptions } from './mongo.ts'
import type { PostgresOptions } from './postgres.ts'
import type { RedisOptions } from './redis.ts'
import { startServer } from './resolve.ts'
import type { Server } from './server.ts'

export { type BackendName, wantedBackends } from './backends.ts'
export type { MongoOptions } from './mongo.ts'
export type { PostgresOptions } from './postgres.ts'
export type { RedisOptions } from './redis.ts'
export { type RunningServices, resolveServices, type Service } from './resolve.ts'
export type { Server } from './server.ts'
export { isWanted, serviceUrl } from './service-url.ts'

/** A Redis of the caller's own. */
export function startRedis(options: RedisOptions = {}): Promise<Server> {
  return startServer('redis', options)
}

/** A PostgreSQL of the caller's own, with a superuser `postgres` and a database `postgres`. */
export function startPostgres(options: PostgresOptions = {}): Promise<Server> {
  return startServer('postgres', options)
}

/** A MongoDB of the caller's own: a replica set of one member, or a standalone. */
export function startMongo(options: MongoOptions = {}): Promise<Server> {
  return startServer('mongo', options)
}
