import type { BorrowedClient, OpenOptions, Target, TargetHooks } from '@sched/adapter-testkit'
import { Cluster, Redis } from 'ioredis'
import { redis } from './index.ts'
import { everyKeyOf, JOB_KEYS, STORAGE_KEYS } from './keys.ts'

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
      corruptJob: (namespace, id, store) => corruptJob(place, namespace, id, store),
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

/** The fused store's bytes are cut short; in the storage under the composed one stands something else where the record was. */
async function corruptJob(
  place: Place,
  prefix: string,
  id: string,
  store: 'composed' | 'fused',
): Promise<void> {
  const suffix = store === 'fused' ? `}${JOB_KEYS.BODIES}` : `}${STORAGE_KEYS.VALUES}`
  const client = clientAt(place)
  try {
    await client.ping()
    const masters = client instanceof Cluster ? client.nodes('master') : [client]
    const keys = (await Promise.all(masters.map((master) => keysOf(master, prefix)))).flat()
    for (const key of keys.filter((name) => name.endsWith(suffix))) {
      const bytes = await client.hget(key, id)
      if (bytes === null) continue
      await client.hset(key, id, store === 'fused' ? bytes.slice(0, -1) : '0;{"damaged":true}')
    }
  } finally {
    client.disconnect()
  }
}

async function keysOf(client: Redis, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const found of client.scanStream({ match: everyKeyOf(prefix), count: 500 }))
    keys.push(...(found as string[]))
  return keys
}

async function readServer(server: Address, prefix: string): Promise<string[]> {
  const client = new Redis(server)
  try {
    const keys = await keysOf(client, prefix)
    const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
    return keys.map((key, i) => `${key} ${dumps[i]?.toString('latin1') ?? ''}`)
  } finally {
    client.disconnect()
  }
}
