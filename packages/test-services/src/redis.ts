import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findBinary } from './binaries.ts'
import { startLocal } from './local-server.ts'
import type { Server } from './server.ts'

export interface RedisOptions {
  /** Lines of redis.conf, such as `{ appendonly: 'yes', requirepass: 'secret', 'cluster-enabled': 'yes' }`. Default: nothing is persisted. */
  readonly config?: Readonly<Record<string, string>>
  /** A port to insist on; default a free one. */
  readonly port?: number
}

/** The program found on this machine, if any. */
export function findRedis(): string | undefined {
  return findBinary(['redis-server', 'valkey-server'], ['/usr/local/bin', '/opt/homebrew/bin'])
}

export function redisArguments(port: number, { config }: RedisOptions): string[] {
  const lines = { save: '', appendonly: 'no', port: String(port), ...config }
  return Object.entries(lines).flatMap(([key, value]) => [`--${key}`, value])
}

export function redisUrl(port: number, { config }: RedisOptions): string {
  const password = config?.requirepass ? `:${encodeURIComponent(config.requirepass)}@` : ''
  return `redis://${password}127.0.0.1:${port}`
}

export function startLocalRedis(binary: string, options: RedisOptions = {}): Promise<Server> {
  return startLocal({
    name: 'redis',
    port: options.port,
    command: ({ port, directory }) => [
      binary,
      ...redisArguments(port, options),
      ...['--bind', '127.0.0.1', '--dir', join(directory, 'data')],
    ],
    url: ({ port }) => redisUrl(port, options),
    probe: async ({ port, pid }) => {
      const info = await redisInfo(redisUrl(port, options))
      if (info.process_id !== String(pid)) throw new Error(`another server answers on port ${port}`)
      return versionOf(info)
    },
    shutdownSignal: 'SIGTERM',
    endSignal: 'SIGKILL',
  })
}

/** The version of the server at `url`; rejects when none answers. */
export async function probeRedis(url: string): Promise<string> {
  return versionOf(await redisInfo(url))
}

function versionOf(info: Record<string, string>): string {
  return info.valkey_version ?? info.redis_version ?? ''
}

async function redisInfo(url: string): Promise<Record<string, string>> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  let failure: unknown
  client.on('error', (error) => {
    failure = error
  })
  try {
    await client.connect()
    const lines = (await client.info('server')).split('\r\n')
    return Object.fromEntries(lines.filter((line) => line.includes(':')).map((line) => line.split(':', 2)))
  } catch (error) {
    throw failure ?? error
  } finally {
    client.disconnect()
  }
}
