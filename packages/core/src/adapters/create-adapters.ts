/**
 * Adapters by the name of a mode or a type. The package that makes them is loaded when it is needed; core imports none of them.
 * Nothing is connected here: that is for `ready()`, or for the scheduler.
 */
import type { Adapters, HasBackend } from '../contracts/backend.ts'
import { BROKER_REQUIRED, type IBrokerEngine } from '../contracts/broker-engine.ts'
import type { Lifecycle } from '../contracts/lifecycle.ts'
import { type ILockAdapter, LOCK_REQUIRED } from '../contracts/lock-adapter.ts'
import { type IStorageEngine, STORAGE_REQUIRED } from '../contracts/storage-engine.ts'
import { AdapterNotInstalledError, InvalidArgumentError } from '../errors/sched-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import { checkOptions } from '../values/known-options.ts'
import { show } from '../values/show.ts'
import { BACKEND_NAMES, type BackendConfigs, type BackendName } from './backend-config.ts'
import { checkUsed } from './check-config.ts'
import { checkMethods } from './declared-methods.ts'
import { installCommand, loadPackage } from './load-package.ts'
import {
  ADAPTER_OPTIONS,
  type AdapterPlan,
  hintForBackend,
  isPlan,
  type ModeOptions,
  readModeOptions,
} from './modes.ts'

/** One adapter by the type of its backend, with that backend's configuration. */
export type AdapterOptions =
  | ({ readonly type: 'memory' } & BackendConfigs)
  | ({ readonly type: 'redis' } & BackendConfigs & Required<Pick<BackendConfigs, 'redis'>>)
  | ({ readonly type: 'postgres' } & BackendConfigs & Required<Pick<BackendConfigs, 'postgres'>>)
  | ({ readonly type: 'mongo' } & BackendConfigs & Required<Pick<BackendConfigs, 'mongo'>>)

type Part = 'Storage' | 'Broker' | 'Lock'

/**
 * Storage, broker and lock of a mode. Parts on one backend share one connection, so a job store can be fused from them. `close` ends
 * them and what they opened. Rejects INVALID_ARGUMENT (also for what the backend's own package finds), ADAPTER_INVALID,
 * ADAPTER_NOT_INSTALLED.
 */
export async function createAdapters(options: ModeOptions): Promise<Required<Adapters>> {
  checkOptions(options, new Set(ADAPTER_OPTIONS), 'createAdapters()')
  const { mode } = options as { readonly mode?: unknown }
  if (mode === undefined) throw new InvalidArgumentError('createAdapters() takes a mode: { mode: … }')
  const choice = readModeOptions(options)
  return isPlan(choice) ? await makeAdapters(choice) : closing(choice)
}

/** A storage alone, on a connection of its own. Rejects as {@link createAdapters} does. */
export async function createStorageAdapter(options: AdapterOptions): Promise<IStorageEngine & HasBackend> {
  return (await createPart('Storage', options)) as IStorageEngine & HasBackend
}

/** A broker alone, on a connection of its own. Rejects as {@link createAdapters} does. */
export async function createBrokerAdapter(options: AdapterOptions): Promise<IBrokerEngine & HasBackend> {
  return (await createPart('Broker', options)) as IBrokerEngine & HasBackend
}

/** A lock alone, on a connection of its own. Rejects as {@link createAdapters} does. */
export async function createLockAdapter(options: AdapterOptions): Promise<ILockAdapter> {
  return (await createPart('Lock', options)) as ILockAdapter
}

/** What a plan says; `logger` is for backends whose configuration has none. Nothing stays open when one of them cannot be made. */
export async function makeAdapters(
  { storage, broker, lock, configs, reason }: AdapterPlan,
  logger?: Logger,
): Promise<Required<Adapters>> {
  const names = [...new Set([storage, broker, lock])]
  const makers = await Promise.all(names.map((name) => makerOf(name, name, reason)))
  const made = new Map<BackendName, Required<Adapters>>()
  const close = async (): Promise<void> => {
    await Promise.all([...made.values()].map((adapters) => adapters.close()))
  }
  try {
    for (const [i, name] of names.entries())
      made.set(name, callMaker(makers[i]!, name, configs, logger) as Required<Adapters>)
  } catch (error) {
    await close()
    throw error
  }
  const [of, at, by] = [made.get(storage)!, made.get(broker)!, made.get(lock)!]
  return { storage: of.storage, broker: at.broker, lock: by.lock, close }
}

async function createPart(part: Part, options: AdapterOptions): Promise<unknown> {
  const call = `create${part}Adapter()`
  checkOptions(options, new Set(['type', ...BACKEND_NAMES]), call)
  const { type } = options as { readonly type: unknown }
  if (!BACKEND_NAMES.includes(type as BackendName)) {
    const hint = typeof type === 'string' ? hintForBackend(type) : ''
    throw new InvalidArgumentError(
      `${call}: there is no type ${show(type)}${hint || `; there are ${BACKEND_NAMES.join(', ')}`}`,
    )
  }
  const name = type as BackendName
  const reason = `type '${name}'`
  checkUsed(name, options, reason)
  const maker = `create${name[0]!.toUpperCase()}${name.slice(1)}${part}`
  return callMaker(await makerOf(name, maker, reason), name, options)
}

type Maker = (source: unknown, options?: object) => object

async function makerOf(name: BackendName, maker: string, reason: string): Promise<Maker> {
  const packageName = `@sched/${name}`
  const found = (await loadPackage(packageName, reason))[maker]
  if (typeof found === 'function') return found as Maker
  throw new AdapterNotInstalledError(
    packageName,
    installCommand(`${packageName}@latest`),
    `its version has no ${maker}(), and ${reason} needs it`,
  )
}

function callMaker(make: Maker, name: BackendName, configs: BackendConfigs, logger?: Logger): object {
  const config = configs[name]
  if (name === 'memory') return make(config ?? {})
  const ownLogger = typeof config === 'object' && 'logger' in config
  return make(config, logger === undefined || ownLogger ? {} : { logger })
}

/** The same three, with a `close` that ends them where none was given. */
function closing(adapters: Adapters): Required<Adapters> {
  const { storage, broker, lock } = adapters
  checkMethods(storage, 'storage', STORAGE_REQUIRED)
  checkMethods(broker, 'broker', BROKER_REQUIRED)
  checkMethods(lock, 'lock', LOCK_REQUIRED)
  const parts: readonly Lifecycle[] = [storage, broker, lock]
  const close = async (): Promise<void> => {
    await Promise.all(parts.map((part) => part.close?.()))
    await adapters.close?.()
  }
  return { storage, broker, lock, close }
}
