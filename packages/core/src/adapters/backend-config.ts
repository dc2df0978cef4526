/**
 * How each built-in backend is configured where a mode or a type names it. The types say what core knows of the options without
 * importing a driver; every other option of a driver is for the adapter package itself: `adapters: redis({ … })`.
 */
import type { Logger } from '../telemetry/logger.ts'
import type { Clock } from '../values/clock.ts'

export type BackendName = 'memory' | 'redis' | 'postgres' | 'mongo'

export const BACKEND_NAMES: readonly BackendName[] = ['memory', 'redis', 'postgres', 'mongo']

interface AdapterOptions {
  /** Isolates everything of these adapters on a shared server; default `sched`. */
  readonly prefix?: string
  /** Deletes everything under the prefix, once, when the adapters are made ready. Default false. */
  readonly resetOnInit?: boolean
}

interface ServerOptions extends AdapterOptions {
  /** A call that takes longer rejects UNAVAILABLE; milliseconds, default 10,000. */
  readonly operationDeadlineMs?: number
  /** Default: the scheduler's. */
  readonly logger?: Logger
}

export interface MemoryConfigOptions extends AdapterOptions {
  /** A `MemoryServer` of `@sched/memory`, where several schedulers share one. Default: one of its own. */
  readonly server?: object
  /** For tests. */
  readonly clock?: Clock
  readonly maxRememberedIds?: number
}

export interface RedisConfigOptions extends ServerOptions {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. */
  readonly url?: string
  readonly host?: string
  readonly port?: number
  readonly username?: string
  readonly password?: string
  readonly db?: number
  readonly tls?: object
  /** Sentinels, and the `name` of the master that they watch. */
  readonly sentinels?: readonly { readonly host?: string; readonly port?: number }[]
  readonly name?: string
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
  /** Some nodes of a Redis Cluster; it finds the others. */
  readonly cluster?: readonly (string | number | { readonly host?: string; readonly port?: number })[]
  /** What a server does that may evict keys: `refuse` (default) or `warn`. */
  readonly onEviction?: 'refuse' | 'warn'
}

export interface PostgresConfigOptions extends ServerOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly connectionString?: string
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly password?: string | (() => string | Promise<string>)
  readonly database?: string
  readonly ssl?: boolean | object
  /** The schema that holds every table; default `sched`. */
  readonly schema?: string
  /** In front of every table's name, so that two installations share a schema. Default none. */
  readonly tablePrefix?: string
  /** Most connections; default 10. */
  readonly poolSize?: number
  /** False: `ready()` creates and changes no table. Default true. */
  readonly migrate?: boolean
  /** False behind a pooler that keeps no prepared statements. Default true. */
  readonly prepare?: boolean
  /** How to learn of new work early: LISTEN (default), LISTEN at this connection string, or polling alone (`false`). */
  readonly listen?: boolean | string
}

export interface MongoConfigOptions extends ServerOptions {
  /** `mongodb://user:password@host:port/database?replicaSet=rs0`. */
  readonly url: string
  /** Default: the one named in the URL, else `sched`. */
  readonly database?: string
  /** In front of every collection's name; default `sched`. */
  readonly collectionPrefix?: string
  /** How many members of a replica set must hold a write: `majority` (default), or a number. */
  readonly writeConcern?: 'majority' | number
  /** False: polling instead of change streams. Default true. */
  readonly changeStreams?: boolean
}

/** An ioredis client: the pattern for connections of the adapters' own; itself neither used nor closed. */
export interface RedisClientLike {
  duplicate(...args: never[]): unknown
}

/** A pg pool; stays open when the adapters close. */
export interface PostgresPoolLike {
  connect(...args: never[]): unknown
  query(...args: never[]): unknown
}

/** A client of the MongoDB driver, or one of its databases; stays open when the adapters close. */
export type MongoClientLike = { db(...args: never[]): unknown } | { collection(...args: never[]): unknown }

export type MemoryConfig = MemoryConfigOptions
/** A URL, options, or an ioredis client of your own. */
export type RedisConfig = string | RedisConfigOptions | RedisClientLike
/** A connection string, options, or a pg pool of your own. */
export type PostgresConfig = string | PostgresConfigOptions | PostgresPoolLike
/** A connection string, options, or a client or database of the MongoDB driver. */
export type MongoConfig = string | MongoConfigOptions | MongoClientLike

/** The configuration of every backend that is used; a mode says which. */
export interface BackendConfigs {
  readonly memory?: MemoryConfig
  readonly redis?: RedisConfig
  readonly postgres?: PostgresConfig
  readonly mongo?: MongoConfig
}
