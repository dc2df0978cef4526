/** Adapters with the required methods alone: refused where fencing is asked for, else at least once, with one warning. */
import { createBroker, createLock, createStorage, defineJob, JobScheduler, type Logger } from '@sched/core'
import { type Adapters, UnavailableError } from '@sched/core/adapter'
import { MemoryServer, memory } from '@sched/memory'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { Told } from './backends.support.ts'

/** One node over a memory server, with nothing optional; while `isCut` every call fails, as it does for a process that lost its network. */
function baseAdapters(server: MemoryServer, isCut: () => boolean = () => false): Adapters {
  const { storage, broker, lock } = memory({ server })
  const guarded = <T extends object>(
    adapter: T,
    names: readonly (keyof T & string)[],
  ): Record<string, unknown> =>
    Object.fromEntries(
      names.map((name) => [
        name,
        (...args: unknown[]) => {
          if (isCut()) throw new UnavailableError('no network')
          return (adapter[name] as (...all: unknown[]) => unknown).apply(adapter, args)
        },
      ]),
    )
  return {
    storage: createStorage(guarded(storage, ['save', 'get', 'list', 'delete', 'prune', 'count']) as never),
    broker: createBroker(
      guarded(broker, ['publish', 'claim', 'extendLock', 'ack', 'nack', 'pause', 'resume']) as never,
    ),
    lock: createLock(guarded(lock, ['acquire', 'renew', 'release', 'isOwner']) as never),
  }
}

function loggerTo(warnings: string[]): Logger {
  const quiet = (): void => undefined
  return { debug: quiet, info: quiet, error: quiet, warn: (text) => warnings.push(text) }
}

test('requireFenced refuses them, and names what is missing', () => {
  const adapters = baseAdapters(new MemoryServer())
  expect(() => new JobScheduler({ adapters, requireFenced: true })).toThrow(
    expect.objectContaining({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(
        'the adapters lack storage.compareAndSet, storage.page, storage.now, broker.claimLeases',
      ),
    }),
  )
})

test('requireFenced takes fused and fenced ones', async () => {
  for (const fuse of [true, false]) {
    const scheduler = new JobScheduler({ mode: 'default', requireFenced: true, fuse })
    await scheduler.start()
    expect((await scheduler.describe()).fenced).toBe(true)
    await scheduler.stop()
  }
})

test('without it the warning comes once, at the start, and every job runs', async () => {
  const warnings: string[] = []
  const done = new Told<string>()
  const job = defineJob({ type: 'count', schema: z.number(), handle: (n) => n })
  const scheduler = new JobScheduler({
    adapters: baseAdapters(new MemoryServer()),
    jobs: [job],
    logger: loggerTo(warnings),
    jobProcessingInterval: 5,
  })
  scheduler.on('completed', ({ job: { id } }) => done.tell(id))
  expect(await scheduler.describe()).toMatchObject({ store: 'composed', tier: 'base', fenced: false })
  expect(warnings).toEqual([])
  await Promise.all([scheduler.start(), scheduler.start()])
  await scheduler.start()
  const ids = await scheduler.enqueueMany(
    job,
    Array.from({ length: 30 }, (_, n) => ({ payload: n })),
  )
  await done.until((seen) => new Set(seen).size === ids.length)
  await scheduler.stop()
  expect(warnings).toEqual([
    expect.stringMatching(
      /^the adapters lack storage\.compareAndSet, .*: jobs run at least once, .*; the storage has no compareAndSet: when two/,
    ),
  ])
})

test('a job whose worker lost its network runs again on another: at least once', async () => {
  const server = new MemoryServer()
  let cut = false
  const runs = new Told<string>()
  const done = new Told<string>()
  const hung = new Promise<never>(() => undefined)
  const options = {
    jobProcessingInterval: 5,
    jobLockTTL: 300,
    leaderLockTTL: 300,
    workerInactiveCheckInterval: 50,
  }
  const node = (name: string, handle: () => unknown, isCut?: () => boolean): JobScheduler => {
    const job = defineJob({
      type: 'work',
      handle: () => {
        runs.tell(name)
        return handle()
      },
    })
    const adapters = baseAdapters(server, isCut)
    return new JobScheduler({ ...options, adapters, jobs: [job], worker: name }) as unknown as JobScheduler
  }
  const lost = node(
    'lost',
    () => hung,
    () => cut,
  )
  await lost.start()
  await lost.enqueue('work', undefined, { id: 'job' })
  await runs.until((seen) => seen.length > 0)
  cut = true
  const other = node('other', () => 'done')
  other.on('completed', ({ job: { id } }) => done.tell(id))
  await other.start()
  await done.until((seen) => seen.includes('job'))
  expect(runs.seen).toEqual(['lost', 'other'])
  expect(await other.getJob('job')).toMatchObject({ state: 'completed', attempt: 2 })
  await Promise.all([lost.stop(true), other.stop()])
})
