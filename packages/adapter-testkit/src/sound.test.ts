// Sound adapters of other make than the reference model: the kit must find nothing. Each is the model, on its real clock, behind a
// wrapper that does what such servers do.
import { BROKER_REQUIRED, LOCK_REQUIRED, STORAGE_REQUIRED } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import { withFaults } from './faults/wrap.ts'
import { Space } from './model/server.ts'
import { MODEL_PARTS } from './model/target.ts'
import { type RunOptions, run } from './run.ts'
import type { OpenedAdapters, Target, Timing } from './target.ts'

type Parts = Omit<OpenedAdapters, 'close' | 'borrowed'>

/** Without hooks: what ends, ends in real time. */
function target(name: string, timing: Partial<Timing>, change: (parts: Parts) => Parts): Target {
  const spaces = new Map<string, Space>()
  return {
    name,
    timing,
    open(namespace: string) {
      const space = spaces.get(namespace) ?? new Space({ pace: 'runs' })
      spaces.set(namespace, space)
      const [storage, broker, lock] = [
        MODEL_PARTS.storage({ space }),
        MODEL_PARTS.broker({ space }),
        MODEL_PARTS.lock({ space }),
      ]
      const close = async (): Promise<void> => {
        for (const part of [storage, broker, lock]) await part.close?.()
      }
      return { ...change({ storage, broker, lock }), close }
    },
    destroy: (namespace) => void spaces.delete(namespace),
  }
}

/** Measurements, and hundreds of random rounds: the sound model has had them. */
const LONG_CASES = ['perf', 'hybrid/rounds', 'hybrid/rounds-at-once']

async function findsNothing(sound: Target, options: RunOptions): Promise<void> {
  const report = await run(sound, { seed: 12, concurrency: 40, skip: LONG_CASES, ...options })
  const found = report.results
    .filter((result) => result.status !== 'pass' && result.status !== 'n/a')
    .map(
      (result) =>
        `${result.id} [${result.variant}] ${result.status}: ${result.failure?.message ?? result.reason}`,
    )
  expect([...found, ...report.leftovers]).toEqual([])
  expect(report.results.filter((result) => result.status === 'pass').length).toBeGreaterThan(30)
}

/** A plain object with some methods of an adapter. */
function only<T extends object>(adapter: T | undefined, names: readonly string[]): T | undefined {
  return (
    adapter &&
    (Object.fromEntries(
      names.map((name) => {
        const method = (adapter as Record<string, (...args: unknown[]) => unknown>)[name]!
        return [name, (...args: unknown[]) => method.apply(adapter, args)]
      }),
    ) as T)
  )
}

test('plain objects with the required methods, no life cycle and no traits', async () => {
  const plain = target('plain', { shortestTtlMs: 150, silenceMs: 20 }, (parts) => ({
    storage: only(parts.storage, STORAGE_REQUIRED)!,
    broker: only(parts.broker, BROKER_REQUIRED)!,
    lock: only(parts.lock, LOCK_REQUIRED)!,
  }))
  await findsNothing(plain, {})
}, 60_000)

test('a server some way off, whose answers overtake each other', async () => {
  const slow = target('slow', { shortestTtlMs: 400, silenceMs: 60 }, ({ storage, broker, lock }) => {
    const late = <T extends object>(part: T, seed: number): T =>
      withFaults(part, { seed, rules: [{ fault: 'delay', delayMs: 12 }] })
    return { storage: late(storage!, 1), broker: late(broker!, 2), lock: late(lock!, 3) }
  })
  await findsNothing(slow, { skip: [...LONG_CASES, 'model'] })
}, 120_000)

/** Rounds the durations among the arguments up to whole seconds. */
function coarse<T extends object>(part: T, places: Readonly<Record<string, number>>): T {
  return new Proxy(part, {
    get(inner, key) {
      const method: unknown = Reflect.get(inner, key, inner)
      if (typeof method !== 'function') return method
      const place = places[String(key)]
      return (...args: unknown[]) => {
        const given = place === undefined ? undefined : args[place]
        if (Number.isInteger(given) && (given as number) > 0)
          args[place!] = Math.ceil((given as number) / 1000) * 1000
        return method.apply(inner, args)
      }
    },
  })
}

test('a server that counts leases and locks in whole seconds, and says so', async () => {
  const seconds = target(
    'seconds',
    { resolutionMs: 1000, shortestTtlMs: 1000, silenceMs: 20 },
    ({ broker, lock }) => ({
      broker: coarse(broker!, {
        publish: 2,
        claim: 3,
        claimLeases: 3,
        claimBlocking: 2,
        extendLock: 2,
        nack: 2,
        extendMany: 2,
      }),
      lock: coarse(lock!, { acquire: 2, renew: 2, acquireLease: 2 }),
    }),
  )
  await findsNothing(seconds, { only: ['lock', 'broker/', 'time'], concurrency: 200 })
}, 120_000)

test.each(['storage', 'broker', 'lock'] as const)(
  'a %s alone',
  async (part) => {
    const alone = target(part, { shortestTtlMs: 150, silenceMs: 20 }, (parts) => ({ [part]: parts[part] }))
    await findsNothing(alone, { skip: [...LONG_CASES, 'model', 'broker/block-crash-no-loss'] })
  },
  60_000,
)

test('one that throws at once where it should reject, to whoever awaits the same', async () => {
  const throwing = target('throwing', { shortestTtlMs: 150, silenceMs: 20 }, ({ lock }) => ({
    lock: new Proxy(lock!, {
      get(inner, key) {
        const method: unknown = Reflect.get(inner, key, inner)
        if (typeof method !== 'function') return method
        return (...args: unknown[]) => {
          if (args.includes(''))
            throw Object.assign(new Error('must not be empty'), { code: 'INVALID_ARGUMENT' })
          return method.apply(inner, args)
        }
      },
    }),
  }))
  await findsNothing(throwing, { only: ['lock'] })
}, 60_000)
