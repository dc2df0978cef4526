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
import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis'

/** How the adapters use a server, whoever opened the connection. */
export interface RedisAdapterOptions {
  /** Isolates everything of these adapters on a shared server; default `sched`. Any name of up to 200 bytes. */
  readonly prefix?: string
  /** Deletes everything under the prefix, once, at `ready()`. Default false. */
  readonly resetOnInit?: boolean
  /** A call that takes longer rejects UNAVAILABLE; milliseconds, default 10,000. */
  readonly operationDeadlineMs?: number
  /**
   * What `ready()` does when the server may evict keys (`maxmemory-policy` other than `noeviction`), which can lose jobs and leases:
   * `refuse` (default) rejects, `warn` tells the logger.
   */
  readonly onEviction?: 'refuse' | 'warn'
  readonly logger?: Logger
}

/** Where the server is: what ioredis takes, with a URL or the nodes of a cluster instead of host and port where that is easier. */
export interface RedisConnectionOptions extends RedisAdapterOptions, Omit<RedisOptions, 'keyPrefix'> {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS. */
  readonly url?: string
  /** Some nodes of a Redis Cluster; it finds the others. */
  readonly cluster?: readonly ClusterNode[]
  readonly clusterOptions?: ClusterOptions
}

/**
 * A URL, options, or an ioredis client of your own. A client is taken as the pattern for connections that the adapters open and close
 * themselves (they must not re-send commands after a reconnect, and need one connection that blocks): yours is neither used nor closed.
 */
export type RedisSource = string | RedisConnectionOptions | Redis | Cluster

export interface Settings {
  readonly prefix: string
  readonly resetOnInit: boolean
  readonly deadlineMs: number
  readonly onEviction: 'refuse' | 'warn'
  readonly maxValueBytes: number
  readonly logger: Logger
}

const DEFAULT_PREFIX = 'sched'
const MAX_PREFIX_BYTES = 200
const OWN_OPTIONS = ['prefix', 'resetOnInit', 'operationDeadlineMs', 'onEviction', 'logger'] as const

/** The adapters' options, which may stand beside the connection's own. Throws INVALID_ARGUMENT. */
export function settingsOf(source: RedisSource, options: RedisAdapterOptions): Settings {
  checkSource('redis', source, options, OWN_OPTIONS)
  const given = { ...(isPlainOptions(source) ? source : {}), ...options }
  const { prefix = DEFAULT_PREFIX, operationDeadlineMs: deadlineMs = OPERATION_DEADLINE_MS } = given
  checkName(prefix, 'prefix', MAX_PREFIX_BYTES)
  if (!Number.isFinite(deadlineMs) || deadlineMs <= 0) {
    throw new InvalidArgumentError(
      `operationDeadlineMs must be a number of milliseconds above 0, not ${deadlineMs}`,
    )
  }
  const { onEviction = 'refuse' } = given
  if (onEviction !== 'refuse' && onEviction !== 'warn')
    throw new InvalidArgumentError(`onEviction must be 'refuse' or 'warn', not ${String(onEviction)}`)
  checkFlag(given.resetOnInit, 'resetOnInit')
  return {
    prefix: (keyPrefixOf(source) ?? '') + prefix,
    resetOnInit: given.resetOnInit ?? false,
    deadlineMs,
    onEviction,
    maxValueBytes: MAX_VALUE_BYTES,
    logger: given.logger ?? new EmptyLogger(),
  }
}

/** What is left for ioredis. */
export function connectionOptions(source: RedisConnectionOptions): {
  readonly url: string | undefined
  readonly cluster: readonly ClusterNode[] | undefined
  readonly clusterOptions: ClusterOptions
  readonly redis: RedisOptions
} {
  const { url, cluster, clusterOptions = {}, ...rest } = source
  const redis: Record<string, unknown> = { ...rest }
  for (const key of OWN_OPTIONS) delete redis[key]
  delete redis.keyPrefix
  return { url, cluster, clusterOptions, redis: redis as RedisOptions }
}

export function isClient(source: RedisSource): source is Redis | Cluster {
  return typeof source === 'object' && typeof (source as { duplicate?: unknown }).duplicate === 'function'
}

export function isClusterClient(client: Redis | Cluster): client is Cluster {
  return client.isCluster === true
}

function isPlainOptions(source: RedisSource): source is RedisConnectionOptions {
  return typeof source === 'object' && !isClient(source)
}

/** The prefix of a handed-in client goes in front of ours, as its owner expects of every key. */
function keyPrefixOf(source: RedisSource): string | undefined {
  if (typeof source === 'string' || !isClient(source)) return undefined
  const { keyPrefix } = source.options
  return keyPrefix === undefined || keyPrefix === '' ? undefined : String(keyPrefix)
}
