/** Storage, broker and lock of each kind, as halves of a hybrid target: a namespace is a prefix. */
import type { OpenOptions, Target } from '@sched/adapter-testkit'
import { MemoryServer, memory } from '@sched/memory'
import { mongo } from '@sched/mongo'
import { postgres } from '@sched/postgres'
import { redis } from '@sched/redis'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'

const DATABASE = 'sched_hybrid'
const SCHEMA = 'sched_hybrid'

/** Through the adapter itself: `resetOnInit` clears its namespace alone. */
async function wipe(open: Target['open'], namespace: string): Promise<void> {
  const { storage, broker, lock, close } = await open(namespace, { resetOnInit: true })
  await Promise.all([storage?.ready?.(), broker?.ready?.(), lock?.ready?.()])
  await close()
}

export function redisTarget(): Target {
  const url = serviceUrl('redis')
  const open: Target['open'] = (namespace, { resetOnInit = false }: OpenOptions = {}) =>
    redis(url, { prefix: namespace, resetOnInit })
  return {
    name: 'Redis',
    timing: { resolutionMs: 5, shortestTtlMs: 200, silenceMs: 60 },
    open,
    destroy: (namespace) => wipe(open, namespace),
    hooks: { wipe: (namespace) => wipe(open, namespace) },
  }
}

export function postgresTarget(): Target {
  const url = serviceUrl('postgres')
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  const open: Target['open'] = (namespace, { resetOnInit = false }: OpenOptions = {}) =>
    postgres({ connectionString: url }, { schema: SCHEMA, prefix: namespace, resetOnInit, poolSize: 3 })
  const clear: Target['open'] = (namespace, options: OpenOptions = {}) =>
    postgres(pool, { schema: SCHEMA, prefix: namespace, resetOnInit: options.resetOnInit ?? false })
  return {
    name: 'PostgreSQL',
    timing: { resolutionMs: 8, shortestTtlMs: 250, silenceMs: 80 },
    open,
    destroy: (namespace) => wipe(clear, namespace),
    end: () => pool.end(),
    hooks: { wipe: (namespace) => wipe(clear, namespace) },
  }
}

export function mongoTarget(): Target {
  const url = serviceUrl('mongo')
  const open: Target['open'] = (namespace, { resetOnInit = false }: OpenOptions = {}) =>
    mongo(url, { database: DATABASE, prefix: namespace, resetOnInit })
  return {
    name: 'MongoDB',
    timing: { resolutionMs: 10, shortestTtlMs: 300, silenceMs: 80 },
    open,
    destroy: (namespace) => wipe(open, namespace),
    hooks: { wipe: (namespace) => wipe(open, namespace) },
  }
}

export function memoryTarget(): Target {
  const servers: Map<string, MemoryServer> = new Map()
  const open: Target['open'] = (namespace, { resetOnInit = false }: OpenOptions = {}) => {
    const server = servers.get(namespace) ?? new MemoryServer()
    servers.set(namespace, server)
    return memory({ server, prefix: namespace, resetOnInit })
  }
  return {
    name: 'memory',
    timing: { resolutionMs: 2, shortestTtlMs: 200, silenceMs: 20 },
    open,
    destroy: (namespace) => void servers.delete(namespace),
    hooks: { wipe: (namespace) => wipe(open, namespace) },
  }
}
