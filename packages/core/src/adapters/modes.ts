/** Which backend keeps what, by the name of a mode. */
import type { Adapters } from '../contracts/backend.ts'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { didYouMean } from '../values/closest.ts'
import { show } from '../values/show.ts'
import { BACKEND_NAMES, type BackendConfigs, type BackendName, type MemoryConfig } from './backend-config.ts'
import { checkUsed } from './check-config.ts'

export type Mode = 'default' | 'redis' | 'db' | 'mongo' | 'hybrid-db' | 'hybrid' | 'custom'

/** Configurations of which these must be there. One that the mode does not use may be there too, for a mode that comes from outside. */
type Needs<Name extends BackendName> = BackendConfigs & Required<Pick<BackendConfigs, Name>>

/** A backend that no part names needs no configuration. */
type IfUsed<Name extends BackendName> =
  | Required<Pick<BackendConfigs, Name>>
  | HybridParts<Exclude<BackendName, Name>>

interface HybridParts<Name extends BackendName = BackendName> {
  readonly storage: Name
  readonly broker: Name
  /** Default: where the broker is. */
  readonly lock?: Name
}

/** Everything in this process: nothing outlives it. */
export type DefaultMode = { readonly mode: 'default' } & BackendConfigs
/** Any mix of the built-in backends, by name. */
export type HybridMode = { readonly mode: 'hybrid' } & HybridParts &
  BackendConfigs &
  IfUsed<'redis'> &
  IfUsed<'postgres'> &
  IfUsed<'mongo'>

/**
 * A mode and the configuration of what it uses: `default` (memory), `redis`, `db` (PostgreSQL), `mongo`, `hybrid-db` (storage in
 * PostgreSQL, broker and lock in Redis), `hybrid` (any built-in mix), `custom` (adapters of your own).
 */
export type ModeOptions =
  | BuiltInMode
  | ({ readonly mode: 'custom'; readonly adapters: Adapters } & BackendConfigs)

type BuiltInMode =
  | DefaultMode
  | ({ readonly mode: 'redis' } & Needs<'redis'>)
  | ({ readonly mode: 'db' } & Needs<'postgres'>)
  | ({ readonly mode: 'mongo' } & Needs<'mongo'>)
  | ({ readonly mode: 'hybrid-db' } & Needs<'postgres' | 'redis'>)
  | HybridMode

/** What a scheduler runs on: three adapters, or a mode. With neither it is `default`: everything in this process. */
export type SchedulerAdapters =
  | ({ readonly mode?: 'custom'; readonly adapters: Adapters } & BackendConfigs)
  | ({ readonly mode?: undefined; readonly memory?: MemoryConfig; readonly adapters?: undefined } & {
      /** They say nothing without a mode. */
      readonly [Name in Exclude<BackendName, 'memory'> | keyof HybridParts]?: undefined
    })
  | (BuiltInMode & { readonly adapters?: undefined })

/** Which backend keeps which part, and all configurations. */
export interface AdapterPlan {
  readonly storage: BackendName
  readonly broker: BackendName
  readonly lock: BackendName
  readonly configs: BackendConfigs
  /** For messages: `mode 'redis'`. */
  readonly reason: string
}

const PLANS: Readonly<Record<Exclude<Mode, 'hybrid' | 'custom'>, readonly [BackendName, BackendName]>> = {
  default: ['memory', 'memory'],
  redis: ['redis', 'redis'],
  db: ['postgres', 'postgres'],
  mongo: ['mongo', 'mongo'],
  'hybrid-db': ['postgres', 'redis'],
}

export const MODES: readonly Mode[] = ['default', 'redis', 'db', 'mongo', 'hybrid-db', 'hybrid', 'custom']

/** The options by which a scheduler is told its adapters. */
export const ADAPTER_OPTIONS: readonly string[] = [
  'mode',
  'adapters',
  ...BACKEND_NAMES,
  'storage',
  'broker',
  'lock',
]

/** What people write for a mode that is called otherwise. */
const OTHER_NAMES: Readonly<Record<string, Mode>> = {
  memory: 'default',
  postgres: 'db',
  postgresql: 'db',
  pg: 'db',
  mongodb: 'mongo',
}

/** The adapters that were handed in, or what to make. Throws INVALID_ARGUMENT that names the option and the remedy. */
export function readModeOptions(given: object): Adapters | AdapterPlan {
  const options = given as Partial<Record<string, unknown>>
  const mode = options.mode ?? (options.adapters === undefined ? 'default' : 'custom')
  checkMode(mode)
  if (mode === 'custom') return customAdapters(options)
  if (options.adapters !== undefined)
    throw new InvalidArgumentError(
      `adapters and mode '${mode}' exclude each other: leave one out, or write mode: 'custom'`,
    )
  if (options.mode === undefined) refuseUnusedConfigs(options)
  const parts = mode === 'hybrid' ? hybridParts(options) : fixedParts(mode, options)
  const reason = `mode '${mode}'`
  for (const name of new Set(Object.values(parts))) checkUsed(name, options, reason)
  return { ...parts, configs: options as BackendConfigs, reason }
}

export function isPlan(choice: Adapters | AdapterPlan): choice is AdapterPlan {
  return 'configs' in choice
}

type Parts = Pick<AdapterPlan, 'storage' | 'broker' | 'lock'>

function checkMode(mode: unknown): asserts mode is Mode {
  if (MODES.includes(mode as Mode)) return
  const name = String(mode)
  const meant = OTHER_NAMES[name.toLowerCase()]
  const hint = meant === undefined ? didYouMean(name, MODES) : `: did you mean "${meant}"?`
  throw new InvalidArgumentError(`there is no mode ${show(mode)}${hint || `; there are ${MODES.join(', ')}`}`)
}

function customAdapters({ adapters }: Partial<Record<string, unknown>>): Adapters {
  if (typeof adapters === 'function')
    throw new InvalidArgumentError(
      `adapters is ${show(adapters)}: did you mean ${adapters.name || 'adapters'}()?`,
    )
  if (adapters instanceof Promise)
    throw new InvalidArgumentError('adapters is a promise: write adapters: await createAdapters({ … })')
  if (typeof adapters !== 'object' || adapters === null)
    throw new InvalidArgumentError(
      `adapters must be { storage, broker, lock }, such as memory() or redis('redis://…') gives, not ${show(adapters)}`,
    )
  return adapters as Adapters
}

/** Without a mode everything is in memory, which is not what somebody means who names a server. */
function refuseUnusedConfigs(options: Partial<Record<string, unknown>>): void {
  const name = ['redis', 'postgres', 'mongo', 'storage', 'broker', 'lock'].find(
    (key) => options[key] !== undefined,
  )
  if (name === undefined) return
  const isPart = name === 'storage' || name === 'broker' || name === 'lock'
  throw new InvalidArgumentError(
    isPart
      ? `${name} is given, but no mode: write adapters: { storage, broker, lock }, or mode: 'hybrid' with the names of backends`
      : `${name} is given, but no mode: write mode: '${name === 'postgres' ? 'db' : name}', or another that uses it (${MODES.join(', ')})`,
  )
}

function fixedParts(mode: keyof typeof PLANS, options: Partial<Record<string, unknown>>): Parts {
  for (const part of ['storage', 'broker', 'lock'] as const) {
    if (options[part] === undefined) continue
    throw new InvalidArgumentError(
      `mode '${mode}' takes no ${part}: leave it out, or write mode: 'hybrid' with the names of backends, or mode: 'custom' with adapters: { storage, broker, lock }`,
    )
  }
  const [storage, broker] = PLANS[mode]
  return { storage, broker, lock: broker }
}

function hybridParts({ storage, broker, lock = broker }: Partial<Record<string, unknown>>): Parts {
  return {
    storage: backendName(storage, 'storage'),
    broker: backendName(broker, 'broker'),
    lock: backendName(lock, 'lock'),
  }
}

function backendName(name: unknown, part: string): BackendName {
  if (BACKEND_NAMES.includes(name as BackendName)) return name as BackendName
  if (typeof name === 'object' && name !== null)
    throw new InvalidArgumentError(
      `mode 'hybrid' names its ${part} (${BACKEND_NAMES.join(', ')}); for an adapter of your own write mode: 'custom' with adapters: { storage, broker, lock }`,
    )
  const hint = typeof name === 'string' ? hintForBackend(name) : ''
  throw new InvalidArgumentError(
    `${part} must be the name of a backend, not ${show(name)}${hint || `; there are ${BACKEND_NAMES.join(', ')}`}`,
  )
}

const OTHER_BACKEND_NAMES: Readonly<Record<string, BackendName>> = {
  default: 'memory',
  db: 'postgres',
  pg: 'postgres',
  postgresql: 'postgres',
  mongodb: 'mongo',
}

/** `: did you mean "postgres"?`, or nothing. */
export function hintForBackend(name: string): string {
  const meant = OTHER_BACKEND_NAMES[name.toLowerCase()]
  return meant === undefined ? didYouMean(name, BACKEND_NAMES) : `: did you mean "${meant}"?`
}
