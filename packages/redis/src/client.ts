/** Opens ioredis clients that behave as the adapters need it, whatever the user handed in. */
import { InvalidArgumentError } from '@sched/core/adapter'
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { connectionOptions, isClient, isClusterClient, type RedisSource } from './options.ts'

export type Client = Redis | Cluster

const MAX_RECONNECT_DELAY_MS = 2_000

/**
 * What must hold for every connection. ioredis re-sends what was unanswered when a connection broke, and queues what it cannot send:
 * either would apply a call after its caller was told that it failed. So both are off; connection.ts waits and repeats where it is safe.
 */
const REQUIRED = {
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  lazyConnect: true,
  enableAutoPipelining: false,
  commandTimeout: undefined,
  keyPrefix: '',
  stringNumbers: false,
  replyMapping: 'legacy',
  monitor: false,
  himportFieldsets: undefined,
  scripts: undefined,
  retryStrategy: (attempt: number) => Math.min(25 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_DELAY_MS),
  /** The old master after a failover: find the new one. */
  reconnectOnError: (error: Error) => /\bREADONLY\b/.test(error.message),
} as const satisfies RedisOptions

type Required = typeof REQUIRED & { readonly connectTimeout: number }

const CLUSTER_REQUIRED = {
  enableOfflineQueue: false,
  lazyConnect: true,
  enableAutoPipelining: false,
  scaleReads: 'master',
  keyPrefix: '',
  scripts: undefined,
  /** 0: a command whose connection broke is not sent again behind our back. */
  retryDelayOnFailover: 0,
  clusterRetryStrategy: REQUIRED.retryStrategy,
} as const satisfies ClusterOptions

/** A way to open any number of alike connections; each connects at its first use. */
export function clientFactory(source: RedisSource, deadlineMs: number): () => Client {
  const connectTimeout = Math.min(deadlineMs, 10_000)
  const required = { ...REQUIRED, connectTimeout }
  if (typeof source === 'string') return () => new Redis(checkedUrl(source), required)
  if (isClient(source)) return () => duplicateOf(source, required)
  const { url, cluster, clusterOptions, redis } = connectionOptions(source)
  if (cluster !== undefined) {
    const redisOptions = { ...clusterOptions.redisOptions, ...redis, ...nodeOptions(required) }
    return () => new Cluster([...cluster], { ...clusterOptions, ...CLUSTER_REQUIRED, redisOptions })
  }
  const options = { ...redis, ...required }
  if (url === undefined) return () => new Redis(options)
  return () => new Redis(checkedUrl(url), options)
}

function duplicateOf(client: Client, required: Required): Client {
  if (!isClusterClient(client)) return client.duplicate(required)
  return client.duplicate([], { ...CLUSTER_REQUIRED, redisOptions: nodeOptions(required) })
}

/** A cluster replaces lost nodes by itself and queues until a node is connected. */
function nodeOptions(
  required: Required,
): Omit<Required, 'enableOfflineQueue' | 'retryStrategy' | 'himportFieldsets' | 'lazyConnect'> {
  const {
    enableOfflineQueue: _queue,
    retryStrategy: _strategy,
    himportFieldsets: _sets,
    lazyConnect: _lazy,
    ...rest
  } = required
  return rest
}

function checkedUrl(url: string): string {
  if (/^rediss?:\/\//i.test(url)) return url
  throw new InvalidArgumentError(
    'the Redis URL must begin with redis:// or rediss:// (its text is not shown here, as it may hold a password)',
  )
}
