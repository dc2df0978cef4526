/** What `ready()` finds out about the server before anything relies on it. */
import { InvalidArgumentError, UnavailableError, UnsupportedError } from '@sched/core/adapter'
import type { Redis } from 'ioredis'
import type { Connection } from './connection.ts'
import { isDenied, isWithoutDatabase } from './errors.ts'
import { metaKey } from './keys.ts'
import probeText from './lua/server/probe.lua'
import type { Settings } from './options.ts'
import { type Script, script } from './scripts.ts'

const OLDEST = [6, 2] as const
const PROBE: Script = script('permission check', [probeText])

type Info = Readonly<Record<string, string>>

/** Throws UNSUPPORTED, INVALID_ARGUMENT or UNAVAILABLE, saying what to set. */
export async function checkServer(connection: Connection, settings: Settings): Promise<void> {
  for (const master of await connected(connection)) {
    const info = parseInfo(await connection.attempt('info', () => master.info(), true))
    checkVersion(info)
    checkCluster(info, connection.isCluster)
    checkRole(info)
    checkEviction(info, settings)
  }
  await checkPermissions(connection, settings.prefix)
}

async function connected(connection: Connection): Promise<readonly Redis[]> {
  try {
    return await connection.masters()
  } catch (error) {
    const { message, cause } = error as Error
    throw isWithoutDatabase(cause) ? new InvalidArgumentError(message, { cause }) : error
  }
}

function parseInfo(text: string): Info {
  const lines = text.split('\r\n').filter((line) => line.includes(':'))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

export function checkVersion(info: Info): void {
  const version = info.redis_version
  if (version === undefined) return
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  throw new UnsupportedError(
    `the server is Redis ${version}; @sched/redis needs ${OLDEST.join('.')} or later, or Valkey`,
  )
}

function checkCluster(info: Info, isCluster: boolean): void {
  if (info.cluster_enabled !== '1' || isCluster) return
  throw new InvalidArgumentError(
    'the server is a node of a Redis Cluster, but the connection is a plain one; pass `cluster: [{ host, port }]` or a Cluster client',
  )
}

function checkRole(info: Info): void {
  if (info.role !== 'slave') return
  throw new UnavailableError(
    'the server is a replica and takes no writes; connect to its master, or name the Sentinels (`sentinels`, `name`)',
  )
}

function checkEviction(info: Info, { onEviction, logger }: Settings): void {
  const policy = info.maxmemory_policy
  if (policy === undefined || policy === 'noeviction') return
  const message =
    `Redis has maxmemory-policy ${policy}, which may evict jobs and leases when memory runs short; ` +
    'type `CONFIG SET maxmemory-policy noeviction` and put it into redis.conf, or use a server of its own for jobs'
  if (onEviction === 'refuse')
    throw new UnsupportedError(`${message} (or accept the loss with onEviction: 'warn')`)
  logger.warn(message)
}

async function checkPermissions(connection: Connection, prefix: string): Promise<void> {
  const key = metaKey(prefix, 'probe')
  const refused = (await connection.run(PROBE, key, [])) as string[]
  const denied = refused.filter((_, i) => i % 2 === 0 && isDenied(refused[i + 1] ?? ''))
  // the probe has left something to pop: an empty wait would take a tenth of a second, however short it is meant to be
  await connection.pop([key], 0.1)
  if (denied.length === 0) return
  const commands = denied.map((name) => `+${name.toLowerCase()}`).join(' ')
  throw new UnsupportedError(
    `the Redis user lacks permissions that the adapters need; add ${commands} and ~{${prefix}:* to its ACL`,
  )
}
