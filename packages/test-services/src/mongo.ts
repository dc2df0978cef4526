import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Document, MongoClient } from 'mongodb'
import { cacheFolder, findBinary, versionedFolders } from './binaries.ts'
import { startLocal } from './local-server.ts'
import type { Server } from './server.ts'

export interface MongoOptions {
  /** A replica set of one member (default), with transactions and change streams; false: a standalone without them. */
  readonly replicaSet?: boolean
  /** More command-line arguments of mongod. */
  readonly arguments?: readonly string[]
  /** A port to insist on; default a free one. */
  readonly port?: number
}

const PRIMARY_LIMIT_MS = 30_000
const ALREADY_INITIALIZED = 23

/** The program found on this machine, if any. */
export function findMongo(): string | undefined {
  return findBinary(
    ['mongod'],
    ['/usr/local/bin', '/opt/homebrew/bin', ...versionedFolders(cacheFolder(), '')],
  )
}

export function mongoArguments(port: number, { replicaSet = true, ...options }: MongoOptions): string[] {
  return [
    ...['--port', String(port), '--wiredTigerCacheSizeGB', '0.5', '--nounixsocket'],
    // Lets tests make commands fail at will (failCommand).
    ...['--setParameter', 'enableTestCommands=1'],
    ...(replicaSet ? ['--replSet', 'rs0', '--oplogSize', '128'] : []),
    ...(options.arguments ?? []),
  ]
}

export function mongoUrl(port: number, { replicaSet = true }: MongoOptions): string {
  return `mongodb://127.0.0.1:${port}/?${replicaSet ? 'replicaSet=rs0' : 'directConnection=true'}`
}

export function startLocalMongo(binary: string, options: MongoOptions = {}): Promise<Server> {
  return startLocal({
    name: 'mongo',
    port: options.port,
    command: ({ port, directory }) => [
      binary,
      ...['--dbpath', join(directory, 'data'), '--bind_ip', '127.0.0.1'],
      ...mongoArguments(port, options),
    ],
    url: ({ port }) => mongoUrl(port, options),
    probe: ({ port, pid }) =>
      settleMongo(port, options, async (client) => {
        const status = await client.db('admin').command({ serverStatus: 1 })
        if (Number(status.pid) !== pid) throw new Error(`another server answers on port ${port}`)
      }),
    shutdownSignal: 'SIGTERM',
    endSignal: 'SIGKILL',
  })
}

/** Makes a server that has just started the primary of its replica set, if it is to be one. Resolves to its version. */
export function settleMongo(
  port: number,
  { replicaSet = true }: MongoOptions,
  check?: (client: MongoClient) => Promise<void>,
): Promise<string> {
  return withClient(mongoUrl(port, { replicaSet: false }), async (client) => {
    await check?.(client)
    if (replicaSet) await becomePrimary(client, `127.0.0.1:${port}`)
    return versionOf(client)
  })
}

/** The version of the server at `url`; rejects when none answers or when it is not a replica set. */
export function probeMongo(url: string): Promise<string> {
  return withClient(url, async (client) => {
    const hello = await client.db('admin').command({ hello: 1 })
    if (!hello.setName) {
      throw new Error('it is not a replica set: start mongod with --replSet rs0 and run rs.initiate() once')
    }
    return versionOf(client)
  })
}

/** Makes the server the only member of a replica set, unless it is one already, and waits until it takes writes. */
async function becomePrimary(client: MongoClient, host: string): Promise<void> {
  const admin = client.db('admin')
  const config = { _id: 'rs0', members: [{ _id: 0, host }], settings: { electionTimeoutMillis: 1000 } }
  await admin.command({ replSetInitiate: config }).catch((error: Document) => {
    if (error.code !== ALREADY_INITIALIZED) throw error
  })
  const deadline = Date.now() + PRIMARY_LIMIT_MS
  while (!(await admin.command({ hello: 1 })).isWritablePrimary) {
    if (Date.now() > deadline) throw new Error(`${host} did not become primary`)
    await delay(20)
  }
}

async function versionOf(client: MongoClient): Promise<string> {
  return String((await client.db('admin').command({ buildInfo: 1 })).version)
}

async function withClient<T>(url: string, use: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5000 })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}
