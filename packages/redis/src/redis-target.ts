import type { BorrowedClient, OpenOptions, Target, TargetHooks } from '@sched/adapter-testkit'
import { Cluster, Redis } from 'ioredis'
import { redis } from './index.ts'
import { everyKeyOf } from './keys.ts'

interface Address {
  readonly host: string
  readonly port: number
}

/** One server, or some nodes of a cluster. */
type Place = Address | { readonly cluster: readonly Address[] }

export interface RedisTargetOptions {
  readonly name: string
  readonly place: Place
  readonly hooks?: TargetHooks
  /** The file whose default export is this target, for the cases with other processes. */
  readonly module?: string
}

/** Redis as a target: a namespace is a prefix. */
export function redisTarget({ name, place, hooks, module }: RedisTargetOptions): Target {
  return {
    name,
    timing: { resolutionMs: 5, shortestTtlMs: 200, silenceMs: 60 },
    // a cluster names its nodes by addresses of its own, which lead around a proxy
    ...('host' in place && { upstream: `${place.host}:${place.port}` }),
    ...(module !== undefined && { module }),
    open(namespace: string, { endpoint, resetOnInit = false, borrow = false }: OpenOptions = {}) {
      // behind the proxy calls are meant to run into their deadline: not in the ten seconds of the default
      const deadline = endpoint === undefined ? {} : { operationDeadlineMs: 1_000 }
      const settings = { prefix: namespace, resetOnInit, ...deadline }
      if (!borrow) return redis({ ...place, ...addressOf(endpoint) }, settings)
      const client = clientAt(place)
      return { ...redis(client, settings), borrowed: lent(client) }
    },
    destroy: (namespace) => wipe(place, namespace),
    hooks: {
      readRaw: (namespace) => readRaw(place, namespace),
      wipe: (namespace) => wipe(place, namespace),
      ...hooks,
    },
  }
}

function clientAt(place: Place): Redis | Cluster {
  return 'host' in place ? new Redis(place) : new Cluster([...place.cluster])
}

function lent(client: Redis | Cluster): BorrowedClient {
  return {
    alive: async () => (await client.ping()) === 'PONG',
    end: () => client.disconnect(),
  }
}

function addressOf(endpoint: string | undefined): Address | undefined {
  if (endpoint === undefined) return undefined
  const at = endpoint.lastIndexOf(':')
  return { host: endpoint.slice(0, at), port: Number(endpoint.slice(at + 1)) }
}

/** Through the adapter itself: that is what `resetOnInit` is for. */
async function wipe(place: Place, prefix: string): Promise<void> {
  const { storage, close } = redis(place, { prefix, resetOnInit: true })
  try {
    await storage.ready?.()
  } finally {
    await close()
  }
}

async function readRaw(place: Place, prefix: string): Promise<string[]> {
  const servers = 'host' in place ? [place] : place.cluster
  return (await Promise.all(servers.map((server) => readServer(server, prefix)))).flat()
}

async function readServer(server: Address, prefix: string): Promise<string[]> {
  const client = new Redis(server)
  try {
    const keys: string[] = []
    for await (const found of client.scanStream({ match: everyKeyOf(prefix), count: 500 }))
      keys.push(...(found as string[]))
    const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
    return keys.map((key, i) => `${key} ${dumps[i]?.toString('latin1') ?? ''}`)
  } finally {
    client.disconnect()
  }
}
