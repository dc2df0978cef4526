import type { BorrowedClient, OpenOptions, Target, TargetHooks } from '@sched/adapter-testkit'
import { Redis } from 'ioredis'
import { redis } from './index.ts'
import { everyKeyOf } from './keys.ts'

interface Address {
  readonly host: string
  readonly port: number
}

export interface RedisTargetOptions {
  readonly name: string
  readonly connection: Address
  readonly hooks?: TargetHooks
  /** The file whose default export is this target, for the cases with other processes. */
  readonly module?: string
}

/** Redis as a target: a namespace is a prefix. */
export function redisTarget({ name, connection, hooks, module }: RedisTargetOptions): Target {
  const { host, port } = connection
  return {
    name,
    timing: { resolutionMs: 5, shortestTtlMs: 200, silenceMs: 60 },
    upstream: `${host}:${port}`,
    ...(module !== undefined && { module }),
    open(namespace: string, { endpoint, resetOnInit = false, borrow = false }: OpenOptions = {}) {
      const options = { ...connection, ...addressOf(endpoint) }
      // behind the proxy calls are meant to run into their deadline: not in the ten seconds of the default
      const settings = {
        prefix: namespace,
        resetOnInit,
        ...(endpoint !== undefined && { operationDeadlineMs: 1_000 }),
      }
      if (!borrow) return redis(options, settings)
      const client = new Redis(options)
      return { ...redis(client, settings), borrowed: lent(client) }
    },
    async destroy(namespace) {
      await wipe(connection, namespace)
    },
    hooks: {
      readRaw: (namespace) => readRaw(connection, namespace),
      wipe: (namespace) => wipe(connection, namespace),
      ...hooks,
    },
  }
}

function lent(client: Redis): BorrowedClient {
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
async function wipe(connection: Address, prefix: string): Promise<void> {
  const { storage, close } = redis(connection, { prefix, resetOnInit: true })
  try {
    await storage.ready?.()
  } finally {
    await close()
  }
}

async function readRaw(connection: Address, prefix: string): Promise<string[]> {
  const client = new Redis(connection)
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
