/** Two targets as one: the storage of the first, the broker and the lock of the second, which know nothing of each other. */
import type { Clock } from '@sched/core/adapter'
import { Space } from './model/server.ts'
import { MODEL_PARTS } from './model/target.ts'
import {
  type OpenedAdapters,
  type OpenOptions,
  type Target,
  type TargetHooks,
  type Timing,
  timingOf,
} from './target.ts'

export interface HybridOptions {
  /** Default: the names of both. */
  readonly name?: string
  readonly waive?: Target['waive']
}

const HYBRIDS = new WeakSet<Target>()
const MIXED_WITH_ITSELF = new WeakSet<Target>()

/**
 * A target whose storage is `storage`'s and whose broker and lock are `broker`'s; both may be the same target. The parts get namespaces
 * of their own, so that they share nothing even on one server. A part that its target does not have is the kit's reference model.
 */
export function hybridTarget(storage: Target, broker: Target, options: HybridOptions = {}): Target {
  const models = new Models()
  const target: Target = {
    name: options.name ?? `${storage.name} + ${broker.name}`,
    timing: slower(storage, broker),
    ...(options.waive && { waive: options.waive }),
    async open(namespace, { resetOnInit = false } = {}) {
      const [keeps, moves] = [kept(namespace), moved(namespace)]
      const reset: OpenOptions = resetOnInit ? { resetOnInit } : {}
      const one = await storage.open(keeps, reset)
      const other = await broker.open(moves, reset)
      return {
        storage: one.storage ?? MODEL_PARTS.storage({ space: models.spaceOf(keeps) }),
        broker: other.broker ?? MODEL_PARTS.broker({ space: models.spaceOf(moves) }),
        lock: other.lock ?? one.lock ?? MODEL_PARTS.lock({ space: models.spaceOf(moves) }),
        close: () => closeBoth(one, other),
      }
    },
    async destroy(namespace) {
      await storage.destroy(kept(namespace))
      await broker.destroy(moved(namespace))
      models.forget(kept(namespace), moved(namespace))
    },
    async end() {
      await storage.end?.()
      if (broker !== storage) await broker.end?.()
    },
    hooks: hooksOf(storage, broker, models),
  }
  HYBRIDS.add(target)
  return target
}

/** What the hybrid cases run on: the target itself where it is a mix, else a mix of it with itself. */
export function asHybrid(target: Target): Target {
  // the CLI puts a prototype in between
  const known = HYBRIDS.has(target) || HYBRIDS.has(Object.getPrototypeOf(target) as Target)
  if (known) return target
  const mix = hybridTarget(target, target, { name: target.name })
  MIXED_WITH_ITSELF.add(mix)
  return mix
}

/** Whether {@link asHybrid} made it of a target that is no mix. */
export function isMixOfOne(target: Target): boolean {
  return MIXED_WITH_ITSELF.has(target)
}

function kept(namespace: string): string {
  return `${namespace} keeps`
}

function moved(namespace: string): string {
  return `${namespace} moves`
}

async function closeBoth(one: OpenedAdapters, other: OpenedAdapters): Promise<void> {
  await one.close()
  await other.close()
}

function slower(one: Target, other: Target): Partial<Timing> {
  const [a, b] = [timingOf(one), timingOf(other)]
  const keys = Object.keys(a) as (keyof typeof a)[]
  return Object.fromEntries(keys.map((key) => [key, Math.max(a[key], b[key])]))
}

function hooksOf(storage: Target, broker: Target, models: Models): TargetHooks {
  const { advance, clock, readRaw, corruptJob } = storage.hooks ?? {}
  const { advance: advanceBroker, readRaw: readBroker, wipe: wipeBroker } = broker.hooks ?? {}
  return {
    ...(advance &&
      advanceBroker && {
        async advance(namespace: string, ms: number) {
          await models.advance(ms, kept(namespace), moved(namespace))
          await advanceBroker.call(broker.hooks, moved(namespace), ms)
          await advance.call(storage.hooks, kept(namespace), ms)
        },
      }),
    ...(clock &&
      advanceBroker && { clock: (namespace: string): Clock => clock.call(storage.hooks, kept(namespace)) }),
    ...(readRaw &&
      readBroker && {
        async readRaw(namespace: string) {
          const raw = await readRaw.call(storage.hooks, kept(namespace))
          return [...raw, ...(await readBroker.call(broker.hooks, moved(namespace)))]
        },
      }),
    ...(corruptJob && {
      corruptJob: (namespace: string, id: string, store: 'composed' | 'fused') =>
        corruptJob.call(storage.hooks, kept(namespace), id, store),
    }),
    ...(wipeBroker && { wipeBroker: (namespace: string) => wipeBroker.call(broker.hooks, moved(namespace)) }),
  }
}

/** The servers of the reference model that stand in for parts that are not there. */
class Models {
  readonly #spaces: Map<string, Space> = new Map()

  spaceOf(namespace: string): Space {
    const space = this.#spaces.get(namespace) ?? new Space()
    this.#spaces.set(namespace, space)
    return space
  }

  forget(...namespaces: readonly string[]): void {
    for (const namespace of namespaces) this.#spaces.delete(namespace)
  }

  async advance(ms: number, ...namespaces: readonly string[]): Promise<void> {
    for (const namespace of namespaces) await this.#spaces.get(namespace)?.clock.advance(ms)
  }
}
