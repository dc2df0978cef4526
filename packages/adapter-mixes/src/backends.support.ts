/** The same tests for every backend that this run has: each on the run's shared server, under a prefix of its own. */
import { type BackendConfigs, createAdapters, type ModeOptions } from '@sched/core'
import { MemoryServer } from '@sched/memory'
import { isWanted, serviceUrl } from '@sched/test-services'

export type MixName = 'default' | 'redis' | 'db' | 'mongo' | 'hybrid-db'

const NEEDS = {
  default: [],
  redis: ['redis'],
  db: ['postgres'],
  mongo: ['mongo'],
  'hybrid-db': ['postgres', 'redis'],
} as const

/** Every mode of which the servers are wanted. */
export const MIXES: readonly MixName[] = (Object.keys(NEEDS) as MixName[]).filter((name) =>
  NEEDS[name].every((server) => isWanted(server)),
)
/** Those on one backend. */
export const SINGLES: readonly MixName[] = MIXES.filter((name) => NEEDS[name].length < 2)

let made = 0
const used: ModeOptions[] = []

/** Options of the mode under a prefix that nobody else has; the same ones make adapters on the same data. */
export function freshOptions(mode: MixName): ModeOptions {
  const prefix = `mixes-${process.pid}-${made++}`
  const configs: BackendConfigs = {
    memory: { server: new MemoryServer(), prefix },
    ...(isWanted('redis') && { redis: { url: serviceUrl('redis'), prefix } }),
    ...(isWanted('postgres') && {
      postgres: { connectionString: serviceUrl('postgres'), schema: 'sched_mixes', prefix, poolSize: 4 },
    }),
    ...(isWanted('mongo') && { mongo: { url: serviceUrl('mongo'), prefix } }),
  }
  const options = { mode, ...configs } as ModeOptions
  used.push(options)
  return options
}

/** Empties what the tests of this file wrote. */
export async function clearAll(): Promise<void> {
  for (const options of used.splice(0)) {
    const configs = Object.fromEntries(
      Object.entries(options).map(([name, config]) => [
        name,
        typeof config === 'object' ? { ...config, resetOnInit: true } : config,
      ]),
    )
    const { storage, broker, lock, close } = await createAdapters(configs as unknown as ModeOptions)
    try {
      await Promise.all([storage.ready?.(), broker.ready?.(), lock.ready?.()])
    } finally {
      await close()
    }
  }
}

/** What was told so far, and a wait for enough of it. */
export class Told<T> {
  readonly seen: T[] = []
  readonly #waiters = new Set<() => void>()

  readonly tell = (what: T): void => {
    this.seen.push(what)
    for (const waiter of this.#waiters) waiter()
  }

  /** Resolves once `enough` of what was told so far. */
  async until(enough: (seen: readonly T[]) => boolean): Promise<void> {
    while (!enough(this.seen)) {
      await new Promise<void>((resolve) => {
        const waiter = (): void => {
          this.#waiters.delete(waiter)
          resolve()
        }
        this.#waiters.add(waiter)
      })
    }
  }
}
