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
import type { Pool, PoolConfig } from 'pg'

/** How the adapters use a database, whoever opened the pool. */
export interface PostgresAdapterOptions {
  /** The schema that holds every table; created when it is missing. `[a-z_][a-z0-9_]{0,40}`, default `sched`. */
  readonly schema?: string
  /** In front of every table's name, so that two installations share a schema. `[a-z_][a-z0-9_]{0,40}`, default none. */
  readonly tablePrefix?: string
  /** Isolates everything of these adapters within the tables; default `sched`. Any name of up to 200 bytes. */
  readonly prefix?: string
  /** Deletes everything under the prefix, once, at `ready()`. Default false. */
  readonly resetOnInit?: boolean
  /** False: `ready()` creates and changes nothing, and rejects when the tables are not those of this version (`migrationSql`). Default true. */
  readonly migrate?: boolean
  /** A call that takes longer rejects UNAVAILABLE; milliseconds, default 10,000. */
  readonly operationDeadlineMs?: number
  /** Most connections of a pool that the adapters open; a positive integer, default 10. */
  readonly poolSize?: number
  /** False behind a pooler that does not keep prepared statements (PgBouncer before 1.21, or with `max_prepared_statements = 0`). Default true. */
  readonly prepare?: boolean
  /**
   * How to learn of new work early. `true` (default): LISTEN on one more connection of the same database. A connection string: LISTEN
   * there, past a transaction-mode pooler. `false`: polling alone.
   */
  readonly listen?: boolean | string
  readonly logger?: Logger
}

/** What pg's pool takes, with a connection string instead of host and port where that is easier. */
export interface PostgresConnectionOptions
  extends PostgresAdapterOptions,
    Omit<PoolConfig, 'max' | 'Client' | 'Promise' | 'log' | 'verify'> {}

/** A connection string, options, or a pg `Pool` of your own, which stays open when the adapters close. */
export type PostgresSource = string | PostgresConnectionOptions | Pool

export interface Settings {
  readonly schema: string
  readonly tablePrefix: string
  readonly prefix: string
  readonly resetOnInit: boolean
  readonly migrate: boolean
  readonly deadlineMs: number
  readonly poolSize: number
  readonly prepare: boolean
  readonly listen: boolean | string
  readonly maxValueBytes: number
  readonly logger: Logger
}

const MAX_PREFIX_BYTES = 200
/** Longer than between two heartbeats: a new connection must make all its plans anew, which takes longer than what it is then used for. */
const IDLE_MS = 30_000
const IDENTIFIER = /^[a-z_][a-z0-9_]{0,40}$/
const OWN_OPTIONS = [
  'schema',
  'tablePrefix',
  'prefix',
  'resetOnInit',
  'migrate',
  'operationDeadlineMs',
  'poolSize',
  'prepare',
  'listen',
  'logger',
] as const

/** The adapters' options, which may stand beside the connection's own. Throws INVALID_ARGUMENT. */
export function settingsOf(source: PostgresSource, options: PostgresAdapterOptions): Settings {
  checkSource('postgres', source, options, OWN_OPTIONS)
  const given: PostgresAdapterOptions = { ...(isPlainOptions(source) ? source : {}), ...options }
  const {
    schema = 'sched',
    tablePrefix = '',
    prefix = 'sched',
    operationDeadlineMs: deadlineMs = OPERATION_DEADLINE_MS,
    poolSize = 10,
  } = given
  checkIdentifier(schema, 'schema')
  if (tablePrefix !== '') checkIdentifier(tablePrefix, 'tablePrefix')
  checkName(prefix, 'prefix', MAX_PREFIX_BYTES)
  if (!Number.isFinite(deadlineMs) || deadlineMs <= 0) {
    throw new InvalidArgumentError(
      `operationDeadlineMs must be a number of milliseconds above 0, not ${deadlineMs}`,
    )
  }
  if (!Number.isSafeInteger(poolSize) || poolSize < 1)
    throw new InvalidArgumentError(`poolSize must be a positive integer, not ${poolSize}`)
  for (const name of ['resetOnInit', 'migrate', 'prepare'] as const) checkFlag(given[name], name)
  const { listen = true } = given
  if (typeof listen !== 'boolean' && !(typeof listen === 'string' && isUrl(listen)))
    throw new InvalidArgumentError(
      'listen must be true, false or a connection string: postgres://host:port/database',
    )
  return {
    schema,
    tablePrefix,
    prefix,
    resetOnInit: given.resetOnInit ?? false,
    migrate: given.migrate ?? true,
    deadlineMs,
    poolSize,
    prepare: given.prepare ?? true,
    listen,
    maxValueBytes: MAX_VALUE_BYTES,
    logger: given.logger ?? new EmptyLogger(),
  }
}

/** What is left for pg. */
export function poolConfig(source: string | PostgresConnectionOptions, settings: Settings): PoolConfig {
  const config: Record<string, unknown> =
    typeof source === 'string' ? { connectionString: source } : { ...source }
  for (const key of OWN_OPTIONS) delete config[key]
  return {
    application_name: 'sched',
    keepAlive: true,
    idleTimeoutMillis: IDLE_MS,
    ...config,
    max: settings.poolSize,
  }
}

export function isPool(source: PostgresSource): source is Pool {
  return typeof source === 'object' && typeof (source as { connect?: unknown }).connect === 'function'
}

/** Letters, digits and underscores only: an identifier is the one thing that cannot be a parameter. */
export function checkIdentifier(name: unknown, what: string): void {
  if (typeof name === 'string' && IDENTIFIER.test(name)) return
  throw new InvalidArgumentError(
    `${what} must match [a-z_][a-z0-9_]{0,40} (lower-case letters, digits and underscores), not ${JSON.stringify(name)}`,
  )
}

/** As pg understands it: a URL, or a path to a socket. */
function isUrl(text: string): boolean {
  return /^(postgres(ql)?:\/\/|socket:|\/)/.test(text)
}

function isPlainOptions(source: PostgresSource): source is PostgresConnectionOptions {
  return typeof source === 'object' && !isPool(source)
}
