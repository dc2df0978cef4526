import {
  type Clock,
  defineJob,
  type Job,
  JobScheduler,
  PayloadValidationError,
  systemClock,
} from '@sched/core'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { memory } from '../memory.ts'
import { Cluster, Signal, STORE_KINDS } from './cluster.support.ts'

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe.each(STORE_KINDS)('the way of a job, %s store', (kind) => {
  let cluster = new Cluster(kind)
  afterEach(async () => {
    await cluster.stop()
    cluster = new Cluster(kind)
  })

  test('the handler gets the schema output of what was enqueued, and its result is kept', async () => {
    const seen: unknown[] = []
    const mail = defineJob({
      type: 'mail',
      schema: z.object({
        to: z.email(),
        at: z.date(),
        copies: z.coerce.number().default(1),
        tags: z.string().array().optional(),
      }),
      async handle(data, ctx) {
        seen.push(data, ctx.payload, ctx.jobId, ctx.attempt, ctx.fence > 0)
        return { sent: data.to, at: data.at }
      },
    })
    const { scheduler } = cluster.node({ jobs: [mail] })
    await scheduler.start()
    const at = new Date('2026-05-01T10:00:00Z')
    const id = await scheduler.enqueue(mail, { to: 'ada@example.com', at, copies: '3' })
    expect(id).toMatch(UUID7)
    await cluster.until(() => seen.length > 0)
    expect(seen).toEqual([
      { to: 'ada@example.com', at, copies: 3 },
      { to: 'ada@example.com', at, copies: '3' },
      id,
      1,
      true,
    ])
    const job = await scheduler.getJob(id)
    expect(job).toMatchObject({
      state: 'completed',
      attempt: 1,
      result: { sent: 'ada@example.com', at },
      error: null,
      priority: 1,
    })
  })

  test('a wrong payload is rejected with its path before anything is stored', async () => {
    const mail = defineJob({
      type: 'mail',
      schema: z.object({ to: z.email(), list: z.array(z.object({ n: z.number() })) }),
      handle() {},
    })
    const { scheduler } = cluster.node({ jobs: [mail] })
    await scheduler.start()
    const wrong = scheduler.enqueue(mail, {
      to: 'ada@example.com',
      list: [{ n: 1 }, { n: 'x' as unknown as number }],
    })
    await expect(wrong).rejects.toThrow(/payload of "mail".*list\[1\]\.n/)
    await expect(wrong).rejects.toBeInstanceOf(PayloadValidationError)
    const many = scheduler.enqueueMany(mail, [
      { payload: { to: 'ada@example.com', list: [] } },
      { payload: { to: 'no', list: [] } },
    ])
    await expect(many).rejects.toThrow(/items\[1\]\.payload\.to/)
    await expect(scheduler.enqueue('post' as 'mail', { to: 'a@example.com', list: [] })).rejects.toThrow(
      /no job of type "post".*registered are: mail/,
    )
    expect((await scheduler.getMetrics()).types).toEqual({})
  })

  test('what the caller does to its object after enqueue changes no job', async () => {
    const seen: number[] = []
    const job = defineJob({
      type: 'count',
      schema: z.object({ n: z.number() }),
      handle: ({ n }) => void seen.push(n),
    })
    const { scheduler } = cluster.node({ jobs: [job] })
    await scheduler.start()
    const payload = { n: 0 }
    const ids = [1, 2, 3].map((n) => {
      payload.n = n
      return scheduler.enqueue(job, payload)
    })
    await Promise.all(ids)
    await cluster.until(() => seen.length === 3)
    expect(seen).toEqual([1, 2, 3])
  })

  test('priority goes first, then due time, then first in first out', async () => {
    const seen: string[] = []
    const job = defineJob({
      type: 'p',
      schema: z.string(),
      priority: 0,
      handle: (name) => void seen.push(name),
    })
    const { scheduler } = cluster.node({ jobs: [job], maxConcurrentJobs: 1 })
    await scheduler.enqueue(job, 'low', { priority: -20 })
    await scheduler.enqueueMany(job, [{ payload: 'a' }, { payload: 'b' }, { payload: 'c' }])
    await scheduler.enqueue(job, 'high', { priority: 20 })
    await scheduler.start()
    await cluster.until(() => seen.length === 5)
    expect(seen).toEqual(['high', 'a', 'b', 'c', 'low'])
    await expect(scheduler.enqueue(job, 'x', { priority: 21 })).rejects.toThrow(
      /priority must be an integer from -20/,
    )
  })

  test('delay and runAt are met to the millisecond, without the poll', async () => {
    const seen: [string, number, number][] = []
    const job = defineJob({
      type: 'late',
      schema: z.string(),
      handle: (name, ctx) => void seen.push([name, cluster.clock.now() - start, ctx.dueAt - start]),
    })
    const { scheduler } = cluster.node({ jobs: [job], jobProcessingInterval: '1h' })
    await scheduler.start()
    const start = cluster.clock.now()
    await scheduler.enqueue(job, 'delayed', { delay: '1234ms' })
    await scheduler.enqueue(job, 'at', { runAt: new Date(start + 777) })
    await scheduler.enqueue(job, 'past', { runAt: start - 5_000 })
    await cluster.clock.advance(776)
    expect(seen.map(([name]) => name)).toEqual(['past'])
    await cluster.clock.advance(1)
    await cluster.clock.settle()
    await cluster.clock.advance(457)
    await cluster.clock.settle()
    expect(seen.slice(1)).toEqual([
      ['at', 777, 777],
      ['delayed', 1234, 1234],
    ])
    await expect(scheduler.enqueue(job, 'both', { delay: 1, runAt: start })).rejects.toThrow(/delay or runAt/)
  })

  test('the same id is the same job, also after it ended', async () => {
    let runs = 0
    const job = defineJob({ type: 'once', handle: () => void runs++ })
    const { scheduler } = cluster.node({ jobs: [job] })
    await scheduler.start()
    expect(await scheduler.enqueue(job, undefined, { id: 'order:17' })).toBe('order:17')
    await cluster.until(() => runs === 1)
    expect(await scheduler.enqueue('once', undefined, { id: 'order:17' })).toBe('order:17')
    await cluster.clock.advance(10_000)
    expect(runs).toBe(1)
    await expect(scheduler.enqueue(job, undefined, { id: 'occurrence:x' })).rejects.toThrow(
      /id must not begin with/,
    )
  })

  test('enqueueMany keeps the order of ids, and stores nothing when a payload cannot be stored', async () => {
    const seen: unknown[] = []
    const job = defineJob({ type: 'many', schema: z.any(), handle: (data) => void seen.push(data) })
    const { scheduler } = cluster.node({ jobs: [job], maxConcurrentJobs: 7 })
    await scheduler.start()
    const ids = await scheduler.enqueueMany(
      job,
      Array.from({ length: 2_500 }, (_, i) => ({ payload: i })),
    )
    expect(new Set(ids).size).toBe(2_500)
    expect([...ids].sort()).toEqual(ids)
    await cluster.until(() => seen.length === 2_500)
    expect(seen).toEqual(Array.from({ length: 2_500 }, (_, i) => i))
    const mixed = scheduler.enqueueMany(job, [{ payload: 'good', id: 'good' }, { payload: { bad: 1n } }])
    await expect(mixed).rejects.toMatchObject({
      code: 'VALUE_UNSERIALIZABLE',
      path: 'items[1].payload.bad',
    })
    expect(await scheduler.getJob('good')).toBeNull()
  })

  test('what a schema takes at enqueue, it takes where the job runs', async () => {
    const seen: unknown[] = []
    const handle = (data: unknown): void => void seen.push(data)
    const optional = defineJob({ type: 'optional', schema: z.object({ a: z.string() }).optional(), handle })
    const preset = defineJob({ type: 'preset', schema: z.string().default('hi'), handle })
    const nullable = defineJob({ type: 'nullable', schema: z.string().nullish(), handle })
    const later = defineJob({
      type: 'later',
      schema: z
        .string()
        .default('later')
        .refine(async (text) => text.length > 0),
      handle,
    })
    const changed = defineJob({
      type: 'changed',
      schema: z.preprocess(
        (data) => Object.assign(data as object, { n: Number((data as { n: unknown }).n) + 1 }),
        z.object({ n: z.number() }),
      ),
      handle,
    })
    const items = defineJob({ type: 'items', schema: z.array(z.string().optional()), handle })
    const { scheduler } = cluster.node({ jobs: [optional, preset, nullable, later, changed, items] })
    const failed: unknown[] = []
    scheduler.on('failed', ({ error }) => failed.push(error))
    await scheduler.start()
    await scheduler.enqueue(optional)
    await scheduler.enqueue(preset)
    await scheduler.enqueueMany(preset, [{}, { payload: undefined }])
    await scheduler.enqueue(nullable, null)
    await scheduler.enqueue(changed, { n: 1 })
    await scheduler.enqueue(later)
    await cluster.until(() => seen.length + failed.length === 7, 1_000)
    expect(failed).toEqual([])
    expect(seen).toEqual([undefined, 'hi', 'hi', 'hi', null, { n: 2 }, 'later'])
    // what is undefined in an array is stored as null
    await expect(scheduler.enqueue(items, ['a', undefined])).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
      issues: [{ path: [1] }],
    })
    await expect(scheduler.enqueueMany(items, [{ payload: [] }, { payload: [undefined] }])).rejects.toThrow(
      /items\[1\]\.payload\[0\]/,
    )
  })

  test('calls that are wrong are refused with what is right, before anything is stored', async () => {
    const plain = defineJob({ type: 'plain' })
    const { scheduler } = cluster.node({ jobs: [plain] })
    const wrong = scheduler as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
    const every = { scheduleType: 'interval', scheduleValue: '1h' }
    const cases: [Promise<unknown>, RegExp][] = [
      [wrong.enqueue!('plain', { delay: 1000 }), /"plain" has no schema, so it takes no payload/],
      [wrong.enqueue!('plain', undefined, null), /must be an object.*not null/],
      [
        wrong.enqueueMany!('plain', { payload: 1 }),
        /takes an array of \{ payload, …options \}, not an object/,
      ],
      [wrong.enqueueMany!('plain', [{}, undefined]), /items\[1\] must be/],
      [wrong.enqueueMany!('plain', [{}, { payload: 1 }]), /items\[1\]: .*takes no payload/],
      [wrong.enqueueMany!('plain', [{}, { prio: 1 }]), /items\[1\]: there is no option "prio"/],
      [
        wrong.enqueueMany!('plain', [{}], { priority: 5 }),
        /third argument: there is no option "priority"; there are tx/,
      ],
      [wrong.schedule!('s', 'plain', { n: 1 }, every), /takes no payload/],
      [
        wrong.schedule!('s', 'plain', undefined, { ...every, enabled: 'no' }),
        /enabled must be true or false/,
      ],
      [wrong.schedule!('s', 'plain', undefined, { ...every, delay: 1 }), /"delay" is for one job/],
      [
        wrong.schedule!('s', 'plain', undefined, { ...every, dealy: 1 }),
        /no option "dealy"; there are (?!.*delay)/,
      ],
      [
        wrong.schedule!('s', 'plain', undefined, { ...every, scheduleValue: '0' }),
        /"0" is no length of time without a unit/,
      ],
      [wrong.enableSchedule!(undefined), /the name of the schedule must be a string/],
      [wrong.countJobs!({ state: 'bogus' }), /state must be one or several of pending.*not "bogus"/],
      [wrong.countJobs!({ status: 'failed' }), /no option "status"/],
      [wrong.listJobs!({ status: 'failed' }), /no option "status"/],
      [wrong.drain!({ timout: 5 }), /no option "timout"/],
      [wrong.drain!({ type: 'no-such' }), /no job of type "no-such"/],
      [wrong.pause!('no-such'), /no job of type "no-such"/],
      [wrong.rescheduleJob!('x'), /must be an object with any of delay, runAt/],
    ]
    for (const [call, message] of cases) await expect(call).rejects.toThrow(message)
    for (const [call] of cases)
      await expect(call).rejects.toThrow(
        expect.objectContaining({ code: expect.stringMatching(/INVALID|NOT_FOUND/) }),
      )
    expect(await scheduler.getMetrics()).toMatchObject({ pending: 0, types: {} })
    await scheduler.schedule('s', plain, undefined, {
      scheduleType: 'interval',
      scheduleValue: '1h',
      ...({ delay: undefined, timeout: undefined } as object),
    })
  })

  test('drain does not wait for occurrences that are not due, but for those that are', async () => {
    const job = defineJob({ type: 'job' })
    const { scheduler } = cluster.node({ jobs: [job] })
    await scheduler.schedule('s', job, undefined, { scheduleType: 'interval', scheduleValue: '1h' })
    expect((await scheduler.getMetrics()).pending).toBe(1)
    expect(await scheduler.drain({ timeout: 0 })).toBe(true)
    expect(await scheduler.drain({ type: 'job', timeout: 0 })).toBe(true)
    await scheduler.enqueue(job, undefined, { id: 'delayed', delay: '1d' })
    expect(await scheduler.drain({ timeout: 0 })).toBe(false)
    await scheduler.removeJob('delayed')
    await cluster.clock.advance(3_600_000)
    expect(await scheduler.drain({ timeout: 0 })).toBe(false)
  })

  test('a process without handlers only enqueues, and needs no start', async () => {
    const seen: Job[] = []
    const type = { type: 'work', schema: z.object({ n: z.number() }) } as const
    const producer = cluster.node({ jobs: [defineJob(type)] })
    const worker = cluster.node({
      jobs: [defineJob({ ...type, handle() {} })],
      onJobCompleted: (job) => seen.push(job),
    })
    await producer.scheduler.start()
    const id = await producer.scheduler.enqueue('work', { n: 1 })
    expect(producer.scheduler.workerId).toBeNull()
    await worker.scheduler.start()
    await cluster.until(() => seen.length === 1)
    expect(seen[0]).toMatchObject({ id, type: 'work', payload: { n: 1 }, worker: worker.scheduler.workerId })
    expect((await producer.scheduler.workers()).map(({ id: worker }) => worker)).toEqual([
      worker.scheduler.workerId,
    ])
  })

  test('a type registered later is run by a scheduler that already runs', async () => {
    const seen: string[] = []
    const { scheduler } = cluster.node({ jobs: [] })
    await scheduler.start()
    const known = scheduler.registerJob(
      defineJob({ type: 'later', schema: z.string(), handle: (data) => void seen.push(data) }),
    )
    await known.enqueue('later', 'hello')
    await cluster.until(() => seen.length === 1)
    expect(() => scheduler.registerJob(defineJob({ type: 'later' }))).toThrow(/registered already/)
  })

  test('metrics, counts, lists, pause and the changes of waiting jobs', async () => {
    const seen: string[] = []
    const job = defineJob({ type: 'm', schema: z.string(), handle: (name) => void seen.push(name) })
    const { scheduler } = cluster.node({ jobs: [job] })
    await scheduler.start()
    await scheduler.pause(job)
    const [first, second, third, fourth] = await scheduler.enqueueMany(job, [
      { payload: 'first', entityId: 'e1' },
      { payload: 'second', delay: '1h' },
      { payload: 'third' },
      { payload: 'fourth', delay: '1h' },
    ])
    await cluster.clock.advance(20_000)
    expect(seen).toEqual([])
    expect(await scheduler.getMetrics()).toMatchObject({
      pending: 4,
      running: 0,
      types: { m: { pending: 4, paused: true } },
    })
    expect((await scheduler.listJobs({ entityId: 'e1' })).jobs.map(({ id }) => id)).toEqual([first])
    for (const reason of [5, 'lone \ud800', 'nul \0', 'x'.repeat(8_193)])
      await expect(scheduler.cancelJob(third!, reason as string)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/^reason must/),
      })
    await expect(scheduler.listJobs({ entityId: 'nul \0' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    })
    await scheduler.cancelJob(third!, 'not needed')
    await scheduler.promoteJob(second!)
    await scheduler.rescheduleJob(fourth!, { delay: '2h' })
    await scheduler.resume('m')
    await cluster.until(() => seen.length === 2, 6_000)
    await expect(scheduler.cancelJob(first!)).rejects.toThrow(/is completed: only a pending or running/)
    await expect(scheduler.cancelJob('nobody')).rejects.toThrow(/no job nobody/)
    expect(await scheduler.getJob(third!)).toMatchObject({ state: 'cancelled', reason: 'not needed' })
    expect(await scheduler.countJobs({ state: 'completed' })).toBe(2)
    expect(await scheduler.drain({ timeout: 0 })).toBe(false)
    await scheduler.removeJob(fourth!)
    expect(await scheduler.drain()).toBe(true)
    expect(await scheduler.getMetrics()).toMatchObject({ completed: 2, cancelled: 1, pending: 0, failed: 0 })
  })

  test('an expired job never starts, and expiresIn wins over expiresAt', async () => {
    const seen: string[] = []
    const expired: string[] = []
    const job = defineJob({ type: 'fresh', schema: z.string(), handle: (name) => void seen.push(name) })
    const { scheduler } = cluster.node({ jobs: [job] })
    scheduler.on('expired', ({ job: { payload } }) => expired.push(payload as string))
    const in5 = await scheduler.enqueue(job, 'five', {
      expiresIn: '5s',
      expiresAt: new Date(cluster.clock.now() + 1e9),
    })
    await scheduler.enqueue(job, 'ten', { expiresAt: cluster.clock.now() + 10_000 })
    await cluster.clock.advance(7_000)
    await scheduler.start()
    await cluster.until(() => seen.length === 1)
    expect(seen).toEqual(['ten'])
    await cluster.until(async () => (await scheduler.getJob(in5))?.state === 'failed', 61_000, 1_000)
    expect(await scheduler.getJob(in5)).toMatchObject({ state: 'failed', reason: 'expired', attempt: 0 })
  })

  test('a payload that the schema of the worker refuses fails for good', async () => {
    const failed: unknown[] = []
    const producer = cluster.node({ jobs: [defineJob({ type: 'v', schema: z.object({ n: z.string() }) })] })
    const worker = cluster.node({
      jobs: [defineJob({ type: 'v', schema: z.object({ n: z.number() }), maxRetries: 5, handle() {} })],
      onJobFailed: (_, error) => failed.push(error),
    })
    await worker.scheduler.start()
    const id = await producer.scheduler.enqueue('v', { n: 'x' })
    await cluster.until(() => failed.length === 1)
    expect(failed[0]).toBeInstanceOf(PayloadValidationError)
    expect(await worker.scheduler.getJob(id)).toMatchObject({
      state: 'failed',
      reason: 'payload',
      failures: 1,
    })
  })

  test('a schema with asynchronous parts works on both ends', async () => {
    const seen: string[] = []
    const even = z
      .string()
      .refine(async (text) => text.length % 2 === 0, 'odd')
      .transform(async (text) => text.toUpperCase())
    const job = defineJob({ type: 'async', schema: even, handle: (text) => void seen.push(text) })
    const { scheduler } = cluster.node({ jobs: [job] })
    await scheduler.start()
    await expect(scheduler.enqueue(job, 'odd')).rejects.toThrow(/\(root\): odd/)
    await scheduler.enqueue(job, 'even')
    await cluster.until(() => seen.length === 1)
    expect(seen).toEqual(['EVEN'])
  })

  test('a result that cannot be stored does not undo the work', async () => {
    const warnings: string[] = []
    const logger = {
      debug() {},
      info() {},
      error() {},
      warn: (message: string) => void warnings.push(message),
    }
    const job = defineJob({ type: 'odd', handle: () => ({ big: 1n }) })
    const { scheduler } = cluster.node({ jobs: [job], logger })
    await scheduler.start()
    const id = await scheduler.enqueue(job)
    await cluster.until(async () => (await scheduler.getJob(id))?.state === 'completed')
    expect((await scheduler.getJob(id))?.result ?? null).toBeNull()
    expect(warnings.join()).toMatch(/its result cannot be kept/)
  })
})

test('on the system clock: enqueue, run, stop, and no timer keeps the process alive', async () => {
  const live = new Set<object>()
  const clock: Clock = {
    ...systemClock,
    after(delayMs, fn) {
      const timer = systemClock.after(delayMs, () => {
        live.delete(timer)
        fn()
      })
      live.add(timer)
      return {
        cancel() {
          live.delete(timer)
          timer.cancel()
        },
      }
    },
  }
  const ran = new Signal()
  const job = defineJob({ type: 'real', handle: () => ran.give() })
  const scheduler = new JobScheduler({ adapters: memory({ clock }), jobs: [job], clock })
  await scheduler.start()
  await scheduler.enqueue(job, undefined, { delay: 20 })
  expect(live.size).toBeGreaterThan(0)
  await ran.wait()
  await scheduler.stop()
  expect(live.size).toBe(0)
  await expect(scheduler.enqueue(job)).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(scheduler.start()).rejects.toMatchObject({ code: 'CLOSED' })
})
