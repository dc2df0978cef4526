/** Servers that one test has for itself: to kill, to restart, to configure. */
import type { MongoOptions } from './mongo.ts'
import type { PostgresOptions } from './postgres.ts'
import type { RedisOptions } from './redis.ts'
import { startServer } from './resolve.ts'
import type { Server } from './server.ts'

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
