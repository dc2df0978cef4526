/** What fuses, and what does not: never by comparing URLs. Each refused pair still runs jobs, composed. */
import { startProxy } from '@sched/adapter-testkit'
import {
  createAdapters,
  createBroker,
  createStorage,
  defineJob,
  JobScheduler,
  type ModeOptions,
} from '@sched/core'
import { type Adapters, BACKEND, type IStorageEngine } from '@sched/core/adapter'
import { isWanted, serviceUrl } from '@sched/test-services'
import { afterAll, describe, expect, test } from 'vitest'
import { clearAll, freshOptions, SINGLES, Told } from './backends.support.ts'

afterAll(clearAll)

const job = defineJob({ type: 'mail', handle: () => 'sent' })

/** What a scheduler over them says, after it ran a job. */
async function describedAfterAJob(adapters: Adapters) {
  const done = new Told<string>()
  const scheduler = new JobScheduler({
    adapters,
    jobs: [job],
    jobProcessingInterval: 50,
    closeAdapters: false,
  })
  scheduler.on('completed', ({ job: { id } }) => done.tell(id))
  await scheduler.start()
  const id = await scheduler.enqueue(job)
  await done.until((ids) => ids.includes(id))
  await scheduler.stop()
  return await scheduler.describe()
}

/** Adapters of several `createAdapters`, closed when the test ends. */
async function withMade<T>(
  options: readonly ModeOptions[],
  work: (...made: Required<Adapters>[]) => Promise<T>,
): Promise<T> {
  const made = await Promise.all(options.map((one) => createAdapters(one)))
  try {
    return await work(...made)
  } finally {
    await Promise.all(made.map(({ close }) => close()))
  }
}

/** Calls go to the inner one; the identity, and its private fields, are not the adapter's. */
function proxyOf<T extends object>(adapter: T): T {
  return new Proxy(adapter, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A storage of the user's that counts writes and hands them on, and carries whatever the inner one carries. */
function counting(inner: IStorageEngine & { [BACKEND]?: unknown }, count: () => void): IStorageEngine {
  const counted: Record<PropertyKey, unknown> = { [BACKEND]: inner[BACKEND], traits: inner.traits }
  for (const name of METHODS) {
    const method = inner[name]
    if (!method) continue
    counted[name] = (...args: never[]) => {
      if (WRITES.includes(name)) count()
      return (method as (...all: never[]) => unknown).apply(inner, args)
    }
  }
  return createStorage(counted as never)
}

const WRITES: readonly string[] = ['save', 'saveMany', 'compareAndSet', 'compareAndSetMany', 'patchMany']
const METHODS = [
  ...(['ready', 'ping', 'close', 'save', 'get', 'list', 'delete', 'prune', 'count', 'page'] as const),
  ...([
    'compareAndSet',
    'compareAndSetMany',
    'patchMany',
    'getMany',
    'saveMany',
    'deleteMany',
    'now',
    'index',
  ] as const),
]

describe.each(SINGLES)('storage and broker of %s', (mode) => {
  test('fuse where one call made both', async () => {
    await withMade([freshOptions(mode)], async (made) => {
      expect(await describedAfterAJob(made)).toMatchObject({
        store: 'fused',
        tier: 'fused',
        reason: 'storage and broker share one backend',
      })
    })
  })

  test('do not when each has a connection of its own, though every option is equal', async () => {
    const options = freshOptions(mode)
    await withMade([options, options], async (first, second) => {
      const described = await describedAfterAJob({ ...first, broker: second.broker })
      // two memory adapters on one server are on one backend: there is nothing between them that could differ
      if (mode === 'default') expect(described.store).toBe('fused')
      else
        expect(described).toMatchObject({
          store: 'composed',
          tier: 'fenced',
          reason: expect.stringContaining('apart'),
        })
    })
  })

  test('do not with different prefixes', async () => {
    const options = freshOptions(mode)
    const other = freshOptions(mode)
    // memory alone can have two prefixes on one backend
    const second =
      mode === 'default' && options.memory
        ? { ...other, memory: { ...options.memory, prefix: 'another' } }
        : other
    await withMade([options, second as ModeOptions], async (one, two) => {
      const described = await describedAfterAJob({ ...one, broker: two.broker })
      expect(described).toMatchObject({ store: 'composed', fenced: true })
      expect(described.reason).toContain(mode === 'default' ? 'differ in prefix' : 'apart')
    })
  })

  test('do not when the user wrapped one: the wrapper sees every write', async () => {
    await withMade([freshOptions(mode)], async (made) => {
      let writes = 0
      const storage = counting(made.storage, () => {
        writes++
      })
      const described = await describedAfterAJob({ ...made, storage })
      expect(described).toMatchObject({
        store: 'composed',
        reason: expect.stringContaining('one of them was wrapped'),
      })
      expect(writes).toBeGreaterThan(0)
    })
  })

  test('do not when one is a Proxy, or an object that inherits from an adapter', async () => {
    await withMade([freshOptions(mode)], async (made) => {
      const wrapped = await describedAfterAJob({ ...made, broker: proxyOf(made.broker) })
      expect(wrapped).toMatchObject({ store: 'composed', reason: expect.stringContaining('was wrapped') })
      const heir = Object.create(made.storage) as IStorageEngine
      const { store } = await new JobScheduler({ adapters: { ...made, storage: heir } }).describe()
      expect(store).toBe('composed')
    })
  })

  test('do not where a plain object stands for one, and the reason names it', async () => {
    await withMade([freshOptions(mode)], async (made) => {
      const { broker } = made
      const plain = createBroker({
        publish: (...args) => broker.publish(...args),
        claim: (...args) => broker.claim(...args),
        extendLock: (...args) => broker.extendLock(...args),
        ack: (...args) => broker.ack(...args),
        nack: (...args) => broker.nack(...args),
        pause: (...args) => broker.pause(...args),
        resume: (...args) => broker.resume(...args),
        ready: () => broker.ready?.(),
      })
      const described = await describedAfterAJob({ ...made, broker: plain })
      expect(described).toMatchObject({
        store: 'composed',
        tier: 'base',
        adapters: { broker: 'an object' },
        missing: ['broker.claimLeases'],
        wakes: 'polled',
        limits: 'locks',
        reason: expect.stringContaining('the broker has none'),
      })
    })
  })

  test('do not when `fuse` is off', async () => {
    const scheduler = new JobScheduler({ ...freshOptions(mode), fuse: false } as never)
    expect(await scheduler.describe()).toMatchObject({ store: 'composed', reason: '`fuse` is off' })
    await scheduler.stop()
  })
})

const URLS = {
  redis: { mode: 'redis', at: (url: string, prefix: string) => ({ redis: { url, prefix } }) },
  postgres: {
    mode: 'db',
    at: (connectionString: string, prefix: string) => ({
      postgres: { connectionString, prefix, schema: 'sched_mixes' },
    }),
  },
  mongo: { mode: 'mongo', at: (url: string, prefix: string) => ({ mongo: { url, prefix } }) },
} as const

describe.each((['redis', 'postgres', 'mongo'] as const).filter((name) => isWanted(name)))(
  '%s behind proxies',
  (name) => {
    test('fuses through one, and not across two, whatever the URLs look like', async () => {
      const url = new URL(serviceUrl(name))
      const proxies = await Promise.all([1, 2].map(() => startProxy({ upstream: url.host })))
      const prefix = `mixes-proxied-${process.pid}`
      const options = proxies.map(({ endpoint }) => {
        const through = new URL(url.href)
        through.host = endpoint
        // a member of a replica set would send its clients on to its own address
        if (name === 'mongo') through.search = '?directConnection=true'
        return { mode: URLS[name].mode, ...URLS[name].at(through.href, prefix) } as ModeOptions
      })
      try {
        await withMade(options, async (first, second) => {
          expect(await describedAfterAJob({ ...first, broker: second!.broker })).toMatchObject({
            store: 'composed',
            fenced: true,
            reason: expect.stringContaining('apart'),
          })
          expect(proxies.every(({ connections }) => connections > 0)).toBe(true)
          const scheduler = new JobScheduler({
            adapters: first!,
            closeAdapters: false,
            project: 'through-one',
          })
          expect((await scheduler.describe()).store).toBe('fused')
          await scheduler.stop()
        })
      } finally {
        await Promise.all(proxies.map((proxy) => proxy.close()))
      }
    })
  },
)
