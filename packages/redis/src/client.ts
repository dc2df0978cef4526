/** Opens ioredis clients that behave as the adapters need it, whatever the user handed in. */
import { InvalidArgumentError } from '@sched/core/adapter'
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { isWithoutDatabase } from './errors.ts'
import { connectionOptions, isClient, isClusterClient, type RedisSource } from './options.ts'

export type Client = Redis | Cluster

const MAX_RECONNECT_DELAY_MS = 2_000
const SHORTEST_CONNECT_MS = 1_000
const LONGEST_CONNECT_MS = 5_000

/**
 * What must hold for every connection. ioredis re-sends what was unanswered when a connection broke, and queues what it cannot send:
 * either would apply a call after its caller was told that it failed. So both are off; connection.ts waits and repeats where it is safe.
 */
const REQUIRED = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
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

/**
 * Sentinels tell the old master last, ten seconds after a failover that was asked for: until then it would take jobs that are lost when it
 * becomes a replica. So they are listened to, on a connection more for each of ours.
 */
const WITH_SENTINELS = { failoverDetector: true } as const satisfies RedisOptions

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

/**
 * A way to open any number of alike connections; each connects at its first use. One that is refused its database is never ready: ioredis
 * would go on in database 0, among the jobs of somebody else. Throws INVALID_ARGUMENT.
 */
export function clientFactory(source: RedisSource, deadlineMs: number): () => Client {
  const make = maker(source, deadlineMs)
  return () => {
    const client = make()
    client.on('error', (error: unknown) => {
      if (isWithoutDatabase(error)) client.disconnect(true)
    })
    if (isClusterClient(client)) client.on('+node', readAtOnce)
    else readAtOnce(client)
    comeBack(client)
    return client
  }
}

const ended = new WeakSet<Client>()

/** Ends a connection for good: nothing else does. */
export function endClient(client: Client): void {
  ended.add(client)
  client.disconnect()
}

/**
 * ioredis ends a client for good when something closes it while it asks where to connect. Its own look-out for a new master does so: the master dies, the
 * client asks the Sentinels, and meanwhile they tell the look-out of the new one.
 */
function comeBack(client: Client): void {
  let attempts = 0
  client.on('ready', () => {
    attempts = 0
  })
  client.on('end', () => {
    if (ended.has(client)) return
    setTimeout(() => {
      // a failure ends it again
      if (!ended.has(client)) client.connect().catch(() => undefined)
    }, REQUIRED.retryStrategy(++attempts))
  })
}

/**
 * A stream hands on what arrives at once only when somebody listens to `data` by `on`; ioredis does by `prependListener`, so that each answer would wait
 * in a buffer for the next tick.
 */
function readAtOnce(client: Redis): void {
  client.on('connect', () => client.stream.on('data', () => undefined))
}

function maker(source: RedisSource, deadlineMs: number): () => Client {
  // half the time of a call, so that the call can tell why there is no connection
  const connectTimeout = Math.min(Math.max(deadlineMs / 2, SHORTEST_CONNECT_MS), LONGEST_CONNECT_MS)
  const required = { ...REQUIRED, connectTimeout }
  if (typeof source === 'string') return () => new Redis(checkedUrl(source), required)
  if (isClient(source)) return () => duplicateOf(source, required)
  const { url, cluster, clusterOptions, redis } = connectionOptions(source)
  if (cluster !== undefined) {
    if ((redis.db ?? clusterOptions.redisOptions?.db ?? 0) !== 0)
      throw new InvalidArgumentError('a Redis Cluster has database 0 alone: leave `db` out')
    const redisOptions = { ...clusterOptions.redisOptions, ...redis, ...nodeOptions(required) }
    return () => new Cluster([...cluster], { ...clusterOptions, ...CLUSTER_REQUIRED, redisOptions })
  }
  const options = { ...(redis.sentinels && WITH_SENTINELS), ...redis, ...required }
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
