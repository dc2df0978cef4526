/** Checks of a backend's configuration before its package is loaded. No message carries a value: it may hold a password. */
import { z } from 'zod'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { closest, didYouMean, editDistance } from '../values/closest.ts'
import { checkOptions } from '../values/known-options.ts'
import type {
  BackendName,
  MemoryConfigOptions,
  MongoConfigOptions,
  PostgresConfigOptions,
  RedisConfigOptions,
} from './backend-config.ts'

const text = z.string().min(1).optional()
const flag = z.boolean().optional()
const port = z.number().int().min(1).max(65_535).optional()
const object = z.custom<object>((value) => typeof value === 'object' && value !== null, 'expected an object')
const nodes = z.array(z.object({ host: text, port }))

const adapterOptions = { prefix: text, resetOnInit: flag }
const serverOptions = { ...adapterOptions, operationDeadlineMs: z.number().positive().optional() }

/** The logger and the clock are checked, and shown, elsewhere. */
const logger = z.custom<never>((value) => typeof value === 'object' && value !== null, 'expected a logger')

const memoryOptions = z.strictObject({
  ...adapterOptions,
  server: object.optional(),
  clock: object.optional(),
  maxRememberedIds: z.number().int().nonnegative().optional(),
} satisfies Shape<MemoryConfigOptions>)

const redisOptions = z.strictObject({
  ...serverOptions,
  logger: logger.optional(),
  url: text,
  host: text,
  port,
  username: z.string().optional(),
  password: z.string().optional(),
  db: z.number().int().nonnegative().optional(),
  tls: object.optional(),
  sentinels: nodes.min(1).optional(),
  name: text,
  sentinelUsername: text,
  sentinelPassword: text,
  cluster: z.array(z.union([z.string(), z.number(), z.object({ host: text, port })])).optional(),
  onEviction: z.enum(['refuse', 'warn']).optional(),
} satisfies Shape<RedisConfigOptions>)

const postgresOptions = z.strictObject({
  ...serverOptions,
  logger: logger.optional(),
  connectionString: text,
  host: text,
  port,
  user: text,
  password: z.union([z.string(), z.custom<never>((value) => typeof value === 'function')]).optional(),
  database: text,
  ssl: z.union([z.boolean(), object]).optional(),
  schema: text,
  tablePrefix: z.string().optional(),
  poolSize: z.number().int().min(1).optional(),
  migrate: flag,
  prepare: flag,
  listen: z.union([z.boolean(), z.string().min(1)]).optional(),
} satisfies Shape<PostgresConfigOptions>)

const mongoOptions = z.strictObject({
  ...serverOptions,
  logger: logger.optional(),
  url: text,
  database: text,
  collectionPrefix: text,
  writeConcern: z.union([z.literal('majority'), z.number().int().min(1)]).optional(),
  changeStreams: flag,
} satisfies Shape<MongoConfigOptions>)

/** A schema for every option and for nothing else. */
type Shape<T> = Readonly<Record<keyof T, z.ZodType>>

interface Checked {
  readonly options: z.ZodObject
  readonly names: readonly string[]
  /** What options say where the server is, any of which is enough, and how a message says that. */
  readonly places: readonly string[]
  readonly needs: string
  /** What the configuration may be, for messages. */
  readonly accepts: string
  /** Methods by which something of the driver is known. */
  readonly handles: readonly string[]
  readonly schemes: readonly string[]
  /** Who takes all options of the driver. */
  readonly maker: string
}

const CHECKED: Readonly<Record<BackendName, Checked>> = {
  memory: {
    options: memoryOptions,
    names: Object.keys(memoryOptions.shape),
    places: [],
    needs: '',
    accepts: 'options such as { server }',
    handles: [],
    schemes: [],
    maker: 'memory() of @sched/memory',
  },
  redis: {
    options: redisOptions,
    names: Object.keys(redisOptions.shape),
    places: ['url', 'host', 'port', 'path', 'sentinels', 'cluster'],
    needs: 'needs `url`, `host`, `sentinels` or `cluster`',
    accepts:
      'a URL such as redis://localhost:6379, options such as { host, port, password }, or an ioredis client',
    handles: ['duplicate'],
    schemes: ['redis', 'rediss'],
    maker: 'redis() of @sched/redis',
  },
  postgres: {
    options: postgresOptions,
    names: Object.keys(postgresOptions.shape),
    places: ['connectionString', 'host', 'database'],
    needs: 'needs `connectionString`, or `host` and `database`',
    accepts:
      'a connection string such as postgres://localhost:5432/app, options such as { connectionString, tablePrefix, poolSize }, or a pg Pool',
    handles: ['connect'],
    schemes: ['postgres', 'postgresql'],
    maker: 'postgres() of @sched/postgres',
  },
  mongo: {
    options: mongoOptions,
    names: Object.keys(mongoOptions.shape),
    places: ['url'],
    needs: 'needs `url`',
    accepts:
      'a connection string such as mongodb://localhost:27017/app, options such as { url, prefix }, or a MongoClient or Db',
    handles: ['db', 'collection'],
    schemes: ['mongodb', 'mongodb+srv'],
    maker: 'mongo() of @sched/mongo',
  },
}

/**
 * The configuration of a backend that is used; `reason`: by what, e.g. `mode 'redis'`. Throws INVALID_ARGUMENT where there is none, or one
 * that is not what the backend takes.
 */
export function checkUsed(name: BackendName, configs: object, reason: string): void {
  const config = (configs as Record<string, unknown>)[name]
  if (config !== undefined) checkConfig(name, config)
  else if (name !== 'memory') {
    const why = name in configs ? '; it is undefined: is an environment variable unset?' : ''
    throw new InvalidArgumentError(`${reason} needs the option ${name}: ${CHECKED[name].accepts}${why}`)
  }
}

/** Throws INVALID_ARGUMENT that names the option and what it accepts. */
export function checkConfig(name: BackendName, config: unknown): void {
  if (isPlace(name, config)) return
  checkValues(name, config)
  checkPlace(name, config as object)
}

/**
 * What the factory of an adapter package is given: a URL, a handle of the driver or options, and beside it `options`, of which there are
 * the adapters' `own` alone; their values are for the adapter to check. Of the driver's further options any passes that is no
 * misspelling. Throws INVALID_ARGUMENT that names the option and what it accepts.
 */
export function checkSource(
  name: BackendName,
  source: unknown,
  options: unknown,
  own: readonly string[],
): void {
  checkOptions(options, new Set(own), `${name}()`)
  if (isPlace(name, source)) return
  const { names } = CHECKED[name]
  const known: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(source as object)) {
    if (names.includes(key) && !own.includes(key)) known[key] = value
    else if (!own.includes(key) && isMisspelt(key, names))
      throw new InvalidArgumentError(`${name} has no option ${JSON.stringify(key)}${didYouMean(key, names)}`)
  }
  checkValues(name, known)
  checkPlace(name, source as object)
}

/** Nearer than didYouMean: `readConcern` is the driver's own, and no `writeConcern`. */
function isMisspelt(key: string, names: readonly string[]): boolean {
  const meant = closest(key, names)
  return meant !== undefined && editDistance(key.toLowerCase(), meant.toLowerCase()) <= 2
}

/** Whether it is a URL or a handle of the driver; false: options. Throws INVALID_ARGUMENT when it is none of them. */
function isPlace(name: BackendName, config: unknown): config is string | object {
  const checked = CHECKED[name]
  if (typeof config === 'string' && checked.schemes.length > 0) {
    checkUrl(name, config, checked)
    return true
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new InvalidArgumentError(`${name} must be ${checked.accepts}, not ${kindOf(config)}`)
  return checked.handles.some((method) => hasFunction(config, method))
}

function checkValues(name: BackendName, options: unknown): void {
  const { success, error } = CHECKED[name].options.safeParse(options)
  if (!success) throw new InvalidArgumentError(error.issues.map((issue) => sentence(name, issue)).join('; '))
  const { url } = options as { url?: string }
  if (url !== undefined) checkUrl(name, url, CHECKED[name])
}

function checkPlace(name: BackendName, options: object): void {
  const { places, needs, accepts } = CHECKED[name]
  const given = options as Record<string, unknown>
  if (places.length > 0 && !places.some((key) => given[key] !== undefined))
    throw new InvalidArgumentError(`${name} ${needs}; it must be ${accepts}`)
  if (name === 'redis' && given.sentinels !== undefined && given.name === undefined)
    throw new InvalidArgumentError('redis.name is missing: the name by which the sentinels know the master')
}

/** Without a scheme drivers take a host (`localhost:6379`) or a path; no message shows a URL: it may hold a password. */
function checkUrl(name: BackendName, url: string, { accepts, schemes }: Checked): void {
  if (url.trim() === '') throw new InvalidArgumentError(`${name} is an empty text: it must be ${accepts}`)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase()
  if (scheme !== undefined && !schemes.includes(scheme))
    throw new InvalidArgumentError(`${name} is a ${scheme}:// URL: it must be ${accepts}`)
  if (scheme === undefined && name !== 'redis' && !/^(\/|socket:)/.test(url))
    throw new InvalidArgumentError(`${name} is a text that is no URL: it must be ${accepts}`)
  if (name === 'redis' && scheme !== undefined) checkRedisUrl(url, accepts)
}

function checkRedisUrl(url: string, accepts: string): void {
  if (!URL.canParse(url)) throw new InvalidArgumentError(`redis is no valid URL: it must be ${accepts}`)
  const { pathname, searchParams } = new URL(url)
  for (const database of [pathname.slice(1), searchParams.get('db') ?? '']) {
    if (/^\d*$/.test(database)) continue
    throw new InvalidArgumentError(
      'redis: the database in the URL must be a number, as in redis://localhost:6379/2',
    )
  }
}

function sentence(name: BackendName, issue: z.core.$ZodIssue): string {
  const { names, maker, accepts } = CHECKED[name]
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    return `${name} has no option ${JSON.stringify(key)}${didYouMean(key, names) || `; there are ${names.join(', ')}, and for any other of its driver, make the adapters with ${maker}`}`
  }
  const at = [name, ...issue.path].join('.')
  return issue.path.length === 0 ? `${at} ${issue.message}; it must be ${accepts}` : `${at}: ${issue.message}`
}

function hasFunction(target: object, name: string): boolean {
  return typeof (target as Record<string, unknown>)[name] === 'function'
}

function kindOf(value: unknown): string {
  return value === null || value === undefined
    ? String(value)
    : Array.isArray(value)
      ? 'an array'
      : `a ${typeof value}`
}
