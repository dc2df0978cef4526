import { describe, expect, test } from 'vitest'
import { type Adapters, BACKEND, type Backend, type FuseParts } from '../contracts/backend.ts'
import { BROKER_REQUIRED, type IBrokerEngine } from '../contracts/broker-engine.ts'
import type { JobStore } from '../contracts/job-store.ts'
import { type ILockAdapter, LOCK_REQUIRED } from '../contracts/lock-adapter.ts'
import { type IStorageEngine, STORAGE_REQUIRED } from '../contracts/storage-engine.ts'
import type { Logger } from '../telemetry/logger.ts'
import { ManualClock } from '../values/manual-clock.ts'
import { BareMapStorage } from './map-storage.test-support.ts'
import { openJobStore } from './open-job-store.ts'

const calls: string[] = []

/** An adapter of which only the shape matters. */
function shape<T>(what: string, methods: readonly string[]): T {
  return Object.fromEntries(
    methods.map((name) => [name, async () => void calls.push(`${what}.${name}`)]),
  ) as T
}

const LIFE = ['ready', 'close']

function adapters(backends: { storage?: Backend; broker?: Backend } = {}): Adapters {
  const storage = shape<IStorageEngine>('storage', [...STORAGE_REQUIRED, 'compareAndSet', 'page', ...LIFE])
  const broker = shape<IBrokerEngine>('broker', [...BROKER_REQUIRED, 'claimLeases', ...LIFE])
  return {
    storage: Object.assign(
      storage,
      { now: async () => 5_000, compareAndSet: async () => true },
      backends.storage && { [BACKEND]: backends.storage },
    ),
    broker: Object.assign(broker, backends.broker && { [BACKEND]: backends.broker }),
    lock: shape<ILockAdapter>('lock', [...LOCK_REQUIRED, ...LIFE]),
  }
}

function backend(fuse: Backend['fuse'] = () => shape<JobStore>('fused', LIFE)): Backend {
  return { fuse }
}

describe('what is said of a job store', () => {
  test('is plain data, and text of the same', () => {
    const shared = backend()
    const fused = openJobStore({
      adapters: adapters({ storage: shared, broker: shared }),
      scope: 's',
    }).description
    expect(structuredClone(fused)).toEqual(fused)
    expect(fused).toMatchObject({
      adapters: { storage: 'an object', broker: 'an object', lock: 'an object' },
      delivery: 'at-least-once',
      fenced: true,
      transactions: false,
      wakes: 'subscribed',
      limits: 'claim',
      clock: 'server',
      leaderTerms: false,
      durability: undefined,
    })
    expect(fused.text.split('\n')[0]).toBe(
      'fused job store over storage an object, broker an object, lock an object',
    )
  })

  test('names the classes, and follows methods and traits', () => {
    class MapStorage extends BareMapStorage {
      readonly traits = { durability: 'process' } as const
      within(): IStorageEngine {
        return this
      }
    }
    const given = adapters()
    const lock = { ...given.lock, acquireLease: async () => ({ token: 1 }) }
    const broker = shape<IBrokerEngine>('broker', [...BROKER_REQUIRED, 'subscribe'])
    const { description } = openJobStore({
      adapters: { storage: new MapStorage(), broker, lock },
      scope: 's',
    })
    expect(description).toMatchObject({
      adapters: { storage: 'MapStorage' },
      transactions: true,
      wakes: 'subscribed',
      limits: 'locks',
      clock: 'process',
      leaderTerms: true,
      durability: 'process',
    })
    expect(description.text).toContain('enqueue(…, { tx }) joins the caller’s')
    expect(description.text).toContain('survives: nothing: it ends with this process')
  })
})

describe('the job store of three adapters', () => {
  test('is the fused one where both carry the same backend, which gets the adapters as they are', () => {
    let got: FuseParts | undefined
    const shared = backend((parts) => {
      got = parts
      return shape<JobStore>('fused', LIFE)
    })
    const given = adapters({ storage: shared, broker: shared })
    const { description } = openJobStore({ adapters: given, scope: 's' })
    expect(description).toMatchObject({ store: 'fused', tier: 'fused', missing: [] })
    expect(got?.scope).toBe('s')
    expect(got?.storage).toBe(given.storage)
    expect(got?.broker).toBe(given.broker)
  })

  test('is the composed one in every other case, with the reason', () => {
    const shared = backend()
    const different = backend(() => undefined)
    const reasonOf = (options: { given: Adapters; fuse?: boolean }) => {
      const { description } = openJobStore({
        adapters: options.given,
        scope: 's',
        ...(options.fuse === undefined ? {} : { fuse: options.fuse }),
      })
      expect(description).toMatchObject({ store: 'composed', tier: 'fenced' })
      return description.reason
    }
    expect(reasonOf({ given: adapters() })).toContain('do not share a backend: neither has one')
    expect(reasonOf({ given: adapters({ storage: shared }) })).toContain('the broker has none')
    expect(reasonOf({ given: adapters({ broker: shared }) })).toContain('the storage has none')
    expect(reasonOf({ given: adapters({ storage: backend(), broker: backend() }) })).toContain(
      'do not share a backend: each was made apart, with a connection of its own',
    )
    expect(reasonOf({ given: adapters({ storage: different, broker: different }) })).toContain(
      'differ in prefix',
    )
    expect(reasonOf({ given: adapters({ storage: shared, broker: shared }), fuse: false })).toContain(
      '`fuse` is off',
    )
  })

  test('says what it lacks for fencing, once, and is refused where that is required', async () => {
    const warnings: string[] = []
    const quiet = () => undefined
    const logger: Logger = { debug: quiet, info: quiet, error: quiet, warn: (text) => warnings.push(text) }
    const given = adapters()
    const bare: Adapters = {
      ...given,
      storage: new BareMapStorage(),
      broker: Object.assign(shape<IBrokerEngine>('broker', BROKER_REQUIRED), { traits: { receipts: true } }),
    }
    const opened = openJobStore({ adapters: bare, scope: 's', logger })
    expect(opened.description).toMatchObject({
      tier: 'base',
      fenced: false,
      missing: ['storage.compareAndSet', 'storage.page', 'storage.now'],
    })
    expect(opened.description.text).toContain('without fencing, for want of storage.compareAndSet')
    expect(warnings).toEqual([])
    await opened.ready()
    await opened.ready()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('storage.compareAndSet, storage.page, storage.now')
    expect(() => openJobStore({ adapters: bare, scope: 's', requireFenced: true })).toThrow('requireFenced')
    const { broker } = adapters()
    const noReceipts = { ...given, broker: shape<IBrokerEngine>('broker', BROKER_REQUIRED) }
    expect(openJobStore({ adapters: noReceipts, scope: 's' }).description.missing).toEqual([
      'broker.claimLeases',
    ])
    expect(
      openJobStore({ adapters: { ...given, broker }, scope: 's', requireFenced: true }).description.tier,
    ).toBe('fenced')
  })

  test('is refused with the first adapter that lacks methods', () => {
    const given = adapters()
    const broken = { ...given, broker: { publish: async () => undefined } as unknown as IBrokerEngine }
    expect(() => openJobStore({ adapters: broken, scope: 's' })).toThrow(
      'the broker adapter lacks claim, extendLock, ack, nack, pause, resume',
    )
    expect(() => openJobStore({ adapters: { ...given, lock: undefined as never }, scope: 's' })).toThrow(
      'lock adapter',
    )
  })

  test('makes everything ready and measures the server’s clock; closes the store before the adapters', async () => {
    const clock = new ManualClock({ now: 100 })
    const shared = backend()
    const opened = openJobStore({
      adapters: adapters({ storage: shared, broker: shared }),
      scope: 's',
      clock,
    })
    calls.length = 0
    await opened.ready()
    expect(calls.slice(0, 3).sort()).toEqual(['broker.ready', 'lock.ready', 'storage.ready'])
    expect(calls[3]).toBe('fused.ready')
    await clock.advance(7)
    expect(opened.serverTime.now()).toBe(5_007)
    calls.length = 0
    await opened.close()
    expect(calls[0]).toBe('fused.close')
    expect(calls.slice(1).sort()).toEqual(['broker.close', 'lock.close', 'storage.close'])
  })

  test('gives storage and lock under the scope', async () => {
    const seen: unknown[] = []
    const given = adapters()
    given.storage.save = async (namespace) => void seen.push(namespace)
    given.lock.release = async (key) => void seen.push(key)
    const { storage, lock } = openJobStore({ adapters: given, scope: 's:p:e' })
    await storage.save('n', 'id', 1)
    await lock.release('leader', 'me')
    expect(seen).toEqual(['s:p:e:n', 's:p:e:leader'])
  })
})
