import { describe, expect, test } from 'vitest'
import { BACKEND } from '../contracts/backend.ts'
import { BROKER_OPTIONAL, BROKER_REQUIRED, type IBrokerEngine } from '../contracts/broker-engine.ts'
import { type ILockAdapter, LOCK_OPTIONAL, LOCK_REQUIRED } from '../contracts/lock-adapter.ts'
import { type IStorageEngine, STORAGE_OPTIONAL, STORAGE_REQUIRED } from '../contracts/storage-engine.ts'
import { namespacedBroker } from './namespaced-broker.ts'
import { namespacedLock } from './namespaced-lock.ts'
import { namespacedStorage } from './namespaced-storage.ts'

type Call = readonly [method: string, ...args: unknown[]]

/** An adapter whose methods note how they are called and answer their own name. */
function recorder<T>(methods: readonly string[], calls: Call[]): T {
  return Object.fromEntries(
    methods.map((name) => [
      name,
      (...args: unknown[]) => {
        calls.push([name, ...args])
        return Promise.resolve(name)
      },
    ]),
  ) as T
}

interface Kind {
  readonly what: string
  readonly required: readonly string[]
  readonly optional: readonly string[]
  readonly wrap: (inner: never, scope: string) => object
  /** Where a method has its name, when not first; and those without one. */
  readonly places: Readonly<Record<string, number | undefined>>
}

const kinds: readonly Kind[] = [
  {
    what: 'storage',
    required: STORAGE_REQUIRED,
    optional: STORAGE_OPTIONAL.filter((name) => name !== 'within'),
    wrap: namespacedStorage as Kind['wrap'],
    places: { now: undefined },
  },
  {
    what: 'broker',
    required: BROKER_REQUIRED,
    optional: BROKER_OPTIONAL.filter((name) => name !== 'subscribe'),
    wrap: namespacedBroker as Kind['wrap'],
    places: { extendLock: 3, incarnation: undefined },
  },
  {
    what: 'lock',
    required: LOCK_REQUIRED,
    optional: LOCK_OPTIONAL,
    wrap: namespacedLock as Kind['wrap'],
    places: {},
  },
]

describe.each(kinds)('a namespaced $what', ({ required, optional, wrap, places }) => {
  const args = ['first', 'second', 3, 'fourth', 'fifth', 'sixth']

  test('prefixes the name, passes everything else on as it is, and answers what the inner one answers', async () => {
    const calls: Call[] = []
    const wrapped = wrap(recorder([...required, ...optional], calls) as never, 's:p:e')
    const methods = wrapped as Record<string, (...args: unknown[]) => Promise<unknown>>
    for (const name of [...required, ...optional]) {
      expect(await methods[name]!(...args)).toBe(name)
      const [called, ...passed] = calls.pop()!
      const place = name in places ? places[name] : 0
      const expected = args.map((arg, index) => (index === place ? `s:p:e:${arg}` : arg))
      expect([called, ...passed]).toEqual([name, ...expected.slice(0, passed.length)])
      // at least the name and, where there is one, what follows it
      if (place !== undefined) expect(passed.length).toBeGreaterThan(place)
    }
  })

  test('declares exactly the optional methods of the inner one', () => {
    for (const name of [undefined, ...optional]) {
      const inner = recorder<object>([...required, ...(name ? [name] : [])], [])
      const wrapped = wrap(inner as never, 's') as Record<string, unknown>
      expect(optional.filter((one) => one in wrapped)).toEqual(name ? [name] : [])
    }
  })

  test('refuses names that the prefix would hide, and leaves the adapter’s 1,024 bytes', async () => {
    const calls: Call[] = []
    const wrapped = wrap(recorder(required, calls) as never, 's') as Record<
      string,
      (...args: unknown[]) => unknown
    >
    const [method] = required
    for (const name of ['', 'a\0', '\udfff', 'x'.repeat(1023)])
      await expect(wrapped[method!]!(name, 'id')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await wrapped[method!]!('x'.repeat(1022), 'id')
    expect(calls.length).toBe(1)
  })

  test('passes on life and traits, and hides the backend', async () => {
    const calls: Call[] = []
    const inner = recorder<Record<string, unknown>>([...required, 'ready', 'ping', 'close'], calls)
    const wrapped = wrap(
      Object.assign(inner, { traits: { clock: 'server' }, [BACKEND]: { fuse: () => undefined } }) as never,
      's',
    ) as IStorageEngine
    await wrapped.ready?.()
    await wrapped.ping?.()
    await wrapped.close?.()
    expect(calls.map(([name]) => name)).toEqual(['ready', 'ping', 'close'])
    expect(wrapped.traits).toEqual({ clock: 'server' })
    expect(BACKEND in wrapped).toBe(false)
  })
})

test('a namespaced storage keeps its scope inside a transaction', async () => {
  const calls: Call[] = []
  const inside = recorder<IStorageEngine>(STORAGE_REQUIRED, calls)
  const inner = Object.assign(recorder<IStorageEngine>(STORAGE_REQUIRED, []), { within: () => inside })
  const wrapped = namespacedStorage(inner, 's').within!('tx')
  await wrapped.save('n', 'id', 1)
  expect(calls).toEqual([['save', 's:n', 'id', 1]])
  expect(wrapped.getMany).toBeUndefined()
})

test('wakes come without the scope, and those of other scopes not at all', async () => {
  let wake: (name: string) => void = () => undefined
  const inner = Object.assign(recorder<IBrokerEngine>(BROKER_REQUIRED, []), {
    subscribe: async (_names: readonly string[], onWake: (name: string) => void) => {
      wake = onWake
      return async () => undefined
    },
  })
  const woken: string[] = []
  await namespacedBroker(inner, 's').subscribe!(['mail', 'a:b'], (name) => woken.push(name))
  for (const name of ['s:mail', 's:a:b', 'mail', 't:mail', 'ss:mail']) wake(name)
  expect(woken).toEqual(['mail', 'a:b'])
})

test('a lock’s lease passes through', async () => {
  const inner = Object.assign(recorder<ILockAdapter>(LOCK_REQUIRED, []), {
    acquireLease: async () => ({ token: 5 }),
  })
  expect(await namespacedLock(inner, 's').acquireLease!('k', 'o', 10)).toEqual({ token: 5 })
})
