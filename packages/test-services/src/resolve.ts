/**
 * Where a server comes from, in this order: the environment (`REDIS_URL`, `POSTGRES_URL`, `MONGODB_URL`), a program on this machine,
 * a container engine, installing the program. Otherwise the run fails with the lines to type: no backend is skipped silently.
 */
import { BACKENDS, type BackendName, checkVersion } from './backends.ts'
import { engineAnswers, startContainer } from './container-server.ts'
import { findMongo, type MongoOptions, probeMongo, startLocalMongo } from './mongo.ts'
import { findPostgres, type PostgresOptions, probePostgres, startLocalPostgres } from './postgres.ts'
import { provision } from './provision.ts'
import { findRedis, probeRedis, type RedisOptions, startLocalRedis } from './redis.ts'
import type { Server } from './server.ts'

/** A server that tests may use, whoever runs it. */
export interface Service {
  readonly name: BackendName
  readonly url: string
  readonly version: string
  readonly origin: 'environment' | 'local' | 'container' | 'provisioned'
  /** The variable, the program or the image it came from. */
  readonly from: string
  /** Process id and directory of the server when this process started it on this machine. */
  readonly pid?: number | undefined
  readonly directory?: string | undefined
}

/** Services and the duty to end them. */
export interface RunningServices {
  readonly services: readonly Service[]
  /** Ends what was started here; servers named by the environment go on. */
  stop(): Promise<void>
}

type Source =
  | { readonly origin: 'local' | 'provisioned'; readonly from: string }
  | { readonly origin: 'container'; readonly from: string }

type Options = RedisOptions & PostgresOptions & MongoOptions

const FIND = { redis: findRedis, postgres: findPostgres, mongo: findMongo }
const PROBE = { redis: probeRedis, postgres: probePostgres, mongo: probeMongo }
const START = { redis: startLocalRedis, postgres: startLocalPostgres, mongo: startLocalMongo }

/** Finds or starts a server of each kind. When one fails, those already started are ended. */
export async function resolveServices(names: readonly BackendName[]): Promise<RunningServices> {
  const given = names.filter((name) => process.env[BACKENDS[name].variable])
  const sources = await locate(names.filter((name) => !given.includes(name)))
  const servers: Server[] = []
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()))
  }

  const results = await Promise.allSettled([
    ...given.map(fromEnvironment),
    ...[...sources].map(async ([name, source]): Promise<Service> => {
      const server = await startFrom(name, source)
      servers.push(server)
      const { url, version, pid, directory } = server
      checkVersion(name, version, source.from)
      return { name, url, version, ...source, pid, directory }
    }),
  ])
  const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason)
  if (failures.length > 0) {
    await stop()
    throw failures.length === 1 ? failures[0] : new AggregateError(failures, failures.join('\n'))
  }
  const services = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value)
  return { services: services.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name)), stop }
}

/** A server of this test's own. */
export async function startServer(name: BackendName, options: Options): Promise<Server> {
  const source = (await locate([name])).get(name)
  if (!source) throw new Error(`no source for ${name}`)
  return startFrom(name, source, options)
}

function startFrom(name: BackendName, source: Source, options: Options = {}): Promise<Server> {
  return source.origin === 'container' ? startContainer(name, options) : START[name](source.from, options)
}

async function fromEnvironment(name: BackendName): Promise<Service> {
  const { title, variable } = BACKENDS[name]
  const url = process.env[variable] ?? ''
  const version = await PROBE[name](url).catch((error: unknown) => {
    throw new Error(
      `${variable} is set, but no usable ${title} answers there: ${error instanceof Error ? error.message : error}. Correct it, or unset it to let the tests start their own.`,
      { cause: error },
    )
  })
  checkVersion(name, version, variable)
  return { name, url, version, origin: 'environment', from: variable }
}

async function locate(names: readonly BackendName[]): Promise<Map<BackendName, Source>> {
  const sources = new Map<BackendName, Source>()
  const look = (origin: 'local' | 'provisioned') => {
    for (const name of names) {
      const from = sources.has(name) ? undefined : FIND[name]()
      if (from) sources.set(name, { origin, from })
    }
    return names.filter((name) => !sources.has(name))
  }

  const missing = look('local')
  if (missing.length === 0) return sources
  if (await engineAnswers()) {
    for (const name of missing) sources.set(name, { origin: 'container', from: 'container' })
    return sources
  }
  await provision(missing)
  const stillMissing = look('provisioned')
  if (stillMissing.length > 0) {
    throw new Error(`${stillMissing.join(', ')} was installed, but its program is not where it is looked for`)
  }
  return sources
}
