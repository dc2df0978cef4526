import {
  createAdapters,
  createBrokerAdapter,
  createLockAdapter,
  createStorageAdapter,
  defineJob,
  JobScheduler,
  type Logger,
  type ModeOptions,
  type SchedulerAdapters,
} from '@sched/core'
import { MemoryServer } from '@sched/memory'
import { afterAll, expect, test } from 'vitest'
import { clearAll, freshOptions, MIXES, type MixName, SINGLES, Told } from './backends.support.ts'

afterAll(clearAll)

/** Runs one job from enqueue to completed. */
async function runsJobs(given: SchedulerAdapters): Promise<JobScheduler> {
  const done = new Told<string>()
  const job = defineJob({ type: 'mail', handle: () => 'sent' })
  const scheduler = new JobScheduler({ ...given, jobs: [job], jobProcessingInterval: 50 })
  scheduler.on('completed', ({ job: { id } }) => done.tell(id))
  await scheduler.start()
  const id = await scheduler.enqueue(job)
  await done.until((ids) => ids.includes(id))
  await scheduler.stop()
  return scheduler as unknown as JobScheduler
}

const KEEPERS: Readonly<Record<MixName, readonly [storage: string, broker: string, lock: string]>> = {
  default: ['MemoryStorage', 'MemoryBroker', 'MemoryLock'],
  redis: ['RedisStorage', 'RedisBroker', 'RedisLock'],
  db: ['PostgresStorage', 'PostgresBroker', 'PostgresLock'],
  mongo: ['MongoStorage', 'MongoBroker', 'MongoLock'],
  'hybrid-db': ['PostgresStorage', 'RedisBroker', 'RedisLock'],
}

test.each(MIXES)('a scheduler of mode %s runs jobs, fused on one backend, and says so', async (mode) => {
  const scheduler = await runsJobs(freshOptions(mode) as SchedulerAdapters)
  const description = await scheduler.describe()
  const [storage, broker, lock] = KEEPERS[mode]
  expect(description).toMatchObject({
    mode,
    scope: 'sched:default:default',
    store: mode === 'hybrid-db' ? 'composed' : 'fused',
    tier: mode === 'hybrid-db' ? 'fenced' : 'fused',
    fenced: true,
    missing: [],
    adapters: { storage, broker, lock },
    transactions: mode !== 'default' && mode !== 'redis',
    wakes: 'subscribed',
    limits: 'claim',
    clock: 'server',
    leaderTerms: true,
  })
  expect(description.text).toContain(`storage ${storage}, broker ${broker}, lock ${lock}`)
})

test.each(MIXES)('createAdapters({ mode: %j }) makes what custom runs on, and closes it', async (mode) => {
  const adapters = await createAdapters(freshOptions(mode))
  await runsJobs({ mode: 'custom', adapters })
  await adapters.close()
  await expect(adapters.storage.get('n', 'id')).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(adapters.broker.claim('n', 'c', 1, 1_000)).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(adapters.lock.acquire('k', 'o', 1_000)).rejects.toMatchObject({ code: 'CLOSED' })
})

test.each(MIXES)('mode hybrid takes the storage of %s by name, and the rest from memory', async (mode) => {
  const storage = {
    default: 'memory',
    redis: 'redis',
    db: 'postgres',
    mongo: 'mongo',
    'hybrid-db': 'postgres',
  }[mode]
  const options = { ...freshOptions(mode), mode: 'hybrid', storage, broker: 'memory' } as SchedulerAdapters
  const scheduler = await runsJobs(options)
  expect(await scheduler.describe()).toMatchObject({
    mode: 'hybrid',
    store: mode === 'default' ? 'fused' : 'composed',
    adapters: { broker: 'MemoryBroker', lock: 'MemoryLock' },
  })
})

const TYPES = { default: 'memory', redis: 'redis', db: 'postgres', mongo: 'mongo' } as const

test.each(SINGLES)('one adapter each of %s, made by type, work together', async (mode) => {
  const { mode: _, ...configs } = freshOptions(mode)
  const options = { type: TYPES[mode as keyof typeof TYPES], ...configs } as Parameters<
    typeof createStorageAdapter
  >[0]
  const adapters = {
    storage: await createStorageAdapter(options),
    broker: await createBrokerAdapter(options),
    lock: await createLockAdapter(options),
  }
  const scheduler = await runsJobs({ adapters })
  const { store, reason } = await scheduler.describe()
  // memory adapters made apart are on one server here, and share its backend
  expect(store).toBe(mode === 'default' ? 'fused' : 'composed')
  if (mode !== 'default') expect(reason).toContain('each was made apart')
})

test('adapters of different makers are one custom set', async () => {
  const server = new MemoryServer()
  const adapters = await createAdapters({
    mode: 'custom',
    adapters: {
      storage: await createStorageAdapter({ type: 'memory', memory: { server } }),
      broker: await createBrokerAdapter({ type: 'memory' }),
      lock: await createLockAdapter({ type: 'memory' }),
    },
  })
  await runsJobs({ mode: 'custom', adapters })
})

function loggerTo(warnings: string[]): Logger {
  const quiet = (): void => undefined
  return { debug: quiet, info: quiet, error: quiet, warn: (text) => warnings.push(text) }
}

test('without adapters and mode everything is in memory, which is said once, and not when it was asked for', async () => {
  for (const [options, warned] of [
    [{}, 1],
    [{ mode: 'default' }, 0],
  ] as const) {
    const warnings: string[] = []
    const scheduler = new JobScheduler({ ...options, logger: loggerTo(warnings) })
    await Promise.all([scheduler.start(), scheduler.describe()])
    await scheduler.describe()
    await scheduler.stop()
    expect(warnings).toHaveLength(warned)
    if (warned > 0) expect(warnings[0]).toContain("say mode: 'default'")
  }
})

test('what the adapter package refuses is told by start and describe, and the scheduler still stops', async () => {
  const scheduler = new JobScheduler({
    mode: 'db',
    postgres: { connectionString: 'postgres://localhost/app', tablePrefix: 'Bad-Prefix' },
  })
  const refusal = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('tablePrefix must match') }
  await expect(scheduler.start()).rejects.toMatchObject(refusal)
  await expect(scheduler.describe()).rejects.toMatchObject(refusal)
  await scheduler.stop()
  await expect(scheduler.start()).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(scheduler.describe()).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a scheduler that is stopped while its packages load closes what they made', async () => {
  const scheduler = new JobScheduler(freshOptions('default') as SchedulerAdapters)
  const starting = scheduler.start()
  await scheduler.stop()
  await expect(starting).rejects.toMatchObject({ code: 'CLOSED' })
})

test('schedulers of mode default are apart, unless they are given one server', async () => {
  const job = defineJob({ type: 'mail' })
  const counted = async (first: ModeOptions, second: ModeOptions): Promise<number> => {
    const [a, b] = [first, second].map(
      (mode) => new JobScheduler({ ...(mode as SchedulerAdapters), jobs: [job] }),
    )
    await a!.enqueue(job)
    const count = await b!.countJobs({ type: 'mail' })
    await Promise.all([a!.stop(), b!.stop()])
    return count
  }
  expect(await counted({ mode: 'default' }, { mode: 'default' })).toBe(0)
  const memory = { server: new MemoryServer() }
  expect(await counted({ mode: 'default', memory }, { mode: 'default', memory })).toBe(1)
})

test.each([
  [
    () => createStorageAdapter({ type: 'db' } as never),
    /createStorageAdapter\(\): there is no type "db": did you mean "postgres"\?/,
  ],
  [
    () => createBrokerAdapter({ type: 'kafka' } as never),
    /no type "kafka"; there are memory, redis, postgres, mongo/,
  ],
  [() => createLockAdapter({ type: 'redis' } as never), /type 'redis' needs the option redis/],
  [
    () => createLockAdapter({ type: 'redis', rdis: 'x' } as never),
    /no option "rdis": did you mean "redis"\?/,
  ],
  [() => createLockAdapter('redis' as never), /createLockAdapter\(\): options must be an object/],
  [() => createAdapters({ redis: 'redis://h' } as never), /createAdapters\(\) takes a mode/],
  [() => createAdapters({ mode: 'redis', redsi: 'x' } as never), /no option "redsi": did you mean "redis"\?/],
])('%s is refused', async (call, message) => {
  await expect(call()).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  })
})

test('a custom set that lacks methods is refused with all of them', async () => {
  const { storage, broker } = await createAdapters({ mode: 'default' })
  const adapters = { storage, broker, lock: { acquire: async () => true } } as never
  const lacking = { code: 'ADAPTER_INVALID', message: expect.stringContaining('renew, release, isOwner') }
  await expect(createAdapters({ mode: 'custom', adapters })).rejects.toMatchObject(lacking)
  expect(() => new JobScheduler({ adapters })).toThrow(expect.objectContaining(lacking))
})
