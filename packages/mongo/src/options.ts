import {
  checkFlag,
  checkName,
  checkSource,
  EmptyLogger,
  InvalidArgumentError,
  type Logger,
  MAX_VALUE_BYTES,
  OPERATION_DEADLINE_MS,
} from '@sched/core/adapter'
import type { Db, MongoClient, MongoClientOptions } from 'mongodb'

/** How the adapters use a database, whoever opened the connection. */
export interface MongoAdapterOptions {
  /** The database. Default: the one named in the URL, else `sched`; of a `Db` its own. */
  readonly database?: string
  /** In front of every collection's name. `[a-z_][a-z0-9_]{0,40}`, default `sched`. */
  readonly collectionPrefix?: string
  /** Isolates everything of these adapters within the collections; default `sched`. Any name of up to 200 bytes. */
  readonly prefix?: string
  /** Deletes everything under the prefix, once, at `ready()`. Default false. */
  readonly resetOnInit?: boolean
  /** A call that takes longer rejects UNAVAILABLE; milliseconds, default 10,000. */
  readonly operationDeadlineMs?: number
  /**
   * How many members of a replica set must hold a write before it counts: `'majority'` (default), or a number of members. With fewer than
   * a majority a failover may lose acknowledged jobs, which `ready()` tells the logger. A concern in the URL or of a client is not taken over.
   */
  readonly writeConcern?: 'majority' | number
  /**
   * How to learn of new work early. `true` (default): by waiting for it, on a replica set with a change stream as well.
   * `false`: by polling on a replica set, where change streams are not allowed.
   */
  readonly changeStreams?: boolean
  readonly logger?: Logger
}

/** Where the server is: what the driver takes, with `url` beside it. */
export interface MongoConnectionOptions
  extends MongoAdapterOptions,
    Omit<MongoClientOptions, 'writeConcern' | 'w' | 'journal' | 'j' | 'wtimeoutMS'> {
  /** `mongodb://user:password@host:port,host:port/database?replicaSet=rs0`, or `mongodb+srv://…`. */
  readonly url: string
}

/** A URL, options, or a `MongoClient` or `Db` of your own, which stays open when the adapters close. */
export type MongoSource = string | MongoConnectionOptions | MongoClient | Db

export interface Settings {
  readonly database: string | undefined
  readonly collectionPrefix: string
  readonly prefix: string
  readonly resetOnInit: boolean
  readonly deadlineMs: number
  readonly writeConcern: 'majority' | number
  readonly changeStreams: boolean
  readonly maxValueBytes: number
  readonly logger: Logger
}

const MAX_PREFIX_BYTES = 200
const IDENTIFIER = /^[a-z_][a-z0-9_]{0,40}$/
const DATABASE = /^[^/\\. "$*<>:|?\0]{1,63}$/
const OWN_OPTIONS = [
  'url',
  'database',
  'collectionPrefix',
  'prefix',
  'resetOnInit',
  'operationDeadlineMs',
  'writeConcern',
  'changeStreams',
  'logger',
] as const

/** The adapters' options, which may stand beside the connection's own. Throws INVALID_ARGUMENT. */
export function settingsOf(source: MongoSource, options: MongoAdapterOptions): Settings {
  checkSource('mongo', source, options, OWN_OPTIONS)
  const given: MongoAdapterOptions = { ...(isPlainOptions(source) ? source : {}), ...options }
  const {
    database,
    collectionPrefix = 'sched',
    prefix = 'sched',
    operationDeadlineMs: deadlineMs = OPERATION_DEADLINE_MS,
    writeConcern = 'majority',
  } = given
  if (database !== undefined && !(typeof database === 'string' && DATABASE.test(database))) {
    throw new InvalidArgumentError(
      `database must be 1 to 63 characters without spaces and / \\ . " $ * < > : | ?, not ${JSON.stringify(database)}`,
    )
  }
  if (typeof collectionPrefix !== 'string' || !IDENTIFIER.test(collectionPrefix)) {
    throw new InvalidArgumentError(
      `collectionPrefix must match [a-z_][a-z0-9_]{0,40} (lower-case letters, digits and underscores), not ${JSON.stringify(collectionPrefix)}`,
    )
  }
  checkName(prefix, 'prefix', MAX_PREFIX_BYTES)
  if (!Number.isFinite(deadlineMs) || deadlineMs <= 0) {
    throw new InvalidArgumentError(
      `operationDeadlineMs must be a number of milliseconds above 0, not ${deadlineMs}`,
    )
  }
  if (writeConcern !== 'majority' && !(Number.isSafeInteger(writeConcern) && writeConcern >= 1)) {
    throw new InvalidArgumentError(
      `writeConcern must be 'majority' or a number of members from 1, not ${JSON.stringify(writeConcern)}`,
    )
  }
  for (const name of ['resetOnInit', 'changeStreams'] as const) checkFlag(given[name], name)
  return {
    database,
    collectionPrefix,
    prefix,
    resetOnInit: given.resetOnInit ?? false,
    deadlineMs,
    writeConcern,
    changeStreams: given.changeStreams ?? true,
    maxValueBytes: MAX_VALUE_BYTES,
    logger: given.logger ?? new EmptyLogger(),
  }
}

/** What is left for the driver. */
export function clientOptions(
  source: string | MongoConnectionOptions,
  { deadlineMs }: Settings,
): { readonly url: string; readonly options: MongoClientOptions } {
  const given: Record<string, unknown> = typeof source === 'string' ? {} : { ...source }
  for (const key of OWN_OPTIONS) delete given[key]
  return {
    url: typeof source === 'string' ? source : source.url,
    options: {
      appName: 'sched',
      serverSelectionTimeoutMS: deadlineMs,
      connectTimeoutMS: deadlineMs,
      // a server that has gone quiet does not keep connections
      socketTimeoutMS: deadlineMs,
      ...given,
    },
  }
}

/** The database that a URL names, if any. */
export function databaseInUrl(url: string): string | undefined {
  const [, name] = /^[a-z+]+:\/\/[^/]+\/([^?]+)/.exec(url) ?? []
  return name === undefined ? undefined : decodeURIComponent(name)
}

export function isClient(source: MongoSource): source is MongoClient {
  return typeof source === 'object' && typeof (source as { db?: unknown }).db === 'function'
}

export function isDb(source: MongoSource): source is Db {
  return typeof source === 'object' && typeof (source as { collection?: unknown }).collection === 'function'
}

function isPlainOptions(source: MongoSource): source is MongoConnectionOptions {
  return typeof source === 'object' && !isClient(source) && !isDb(source)
}
