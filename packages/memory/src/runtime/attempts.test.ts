import { defineJob, type JobContext } from '@sched/core'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Cluster, Signal, STORE_KINDS } from './cluster.support.ts'

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

describe.each(STORE_KINDS)('attempts, %s store', (kind) => {
  let cluster = new Cluster(kind)
  afterEach(async () => {
    await cluster.stop()
    cluster = new Cluster(kind)
  })

  test('a failing job is retried with exponential backoff, then is a dead letter', async () => {
    const at: number[] = []
    const events: string[] = []
    const job = defineJob({
      type: 'fails',
      maxRetries: 3,
      async handle(_, ctx) {
        at.push(cluster.clock.now() - start)
        throw new Error(`attempt ${ctx.attempt}`)
      },
    })
    const { scheduler } = cluster.node({ jobs: [job], onJobFailed: (_, error) => events.push(error.message) })
    scheduler.on('retry', ({ delayMs }) => events.push(`retry in ${delayMs}`))
    scheduler.on('failed', ({ final, reason }) => final && events.push(`final: ${reason}`))
    await scheduler.start()
    const start = cluster.clock.now()
    const id = await scheduler.enqueue(job)
    await cluster.clock.advance(200_000)
    expect(at).toEqual([0, 10_000, 30_000, 70_000])
    expect(events).toEqual([
      'attempt 1',
      'retry in 10000',
      'attempt 2',
      'retry in 20000',
      'attempt 3',
      'retry in 40000',
      'attempt 4',
      'final: error',
    ])
    expect(await scheduler.getJob(id)).toMatchObject({
      state: 'failed',
      reason: 'error',
      failures: 4,
      attempt: 4,
      error: { name: 'Error', message: 'attempt 4' },
    })

    await scheduler.retryJob(id)
    await cluster.until(() => at.length === 5, 6_000)
    expect((await scheduler.getJob(id))?.failures).toBeLessThan(4)
  })

  test('linear, own and per-job backoff; a job may override maxRetries', async () => {
    const at: Record<string, number[]> = { linear: [], own: [], enqueued: [] }
    const handle = (data: string): never => {
      at[data]!.push(cluster.clock.now() - start)
      throw new Error('no')
    }
    const linear = defineJob({
      type: 'linear',
      schema: z.string(),
      maxRetries: 2,
      backoffStrategy: 'linear',
      handle,
    })
    const own = defineJob({
      type: 'own',
      schema: z.string(),
      maxRetries: 2,
      backoffStrategy: (failures) => failures * 7,
      handle,
    })
    const { scheduler } = cluster.node({ jobs: [linear, own] })
    await scheduler.start()
    const start = cluster.clock.now()
    await scheduler.enqueue(linear, 'linear')
    await scheduler.enqueue(own, 'own')
    await scheduler.enqueue(linear, 'enqueued', {
      maxRetries: 1,
      backoffStrategy: { type: 'exponential', delay: '3s' },
    })
    await cluster.clock.advance(60_000)
    expect(at).toEqual({ linear: [0, 10_000, 20_000], own: [0, 7, 21], enqueued: [0, 3_000] })
  })

  test('a timeout aborts the signal with the reason, counts as a failure and frees the slot at once', async () => {
    const reasons: unknown[] = []
    const other = new Signal()
    const hang = defineJob({
      type: 'hang',
      timeout: '1s',
      handle: (_, ctx) => {
        ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason))
        return new Promise(() => {})
      },
    })
    const quick = defineJob({ type: 'quick', handle: () => other.give() })
    const { scheduler } = cluster.node({ jobs: [hang, quick], maxConcurrentJobs: 1 })
    await scheduler.start()
    const id = await scheduler.enqueue(hang, undefined, { priority: 5 })
    await scheduler.enqueue(quick)
    await cluster.clock.advance(999)
    expect([reasons.length, other.given]).toEqual([0, false])
    await cluster.clock.advance(1)
    await cluster.clock.settle()
    expect(reasons).toMatchObject([{ code: 'JOB_TIMEOUT' }])
    expect(other.given).toBe(true)
    expect(await scheduler.getJob(id)).toMatchObject({
      state: 'failed',
      reason: 'timeout',
      error: { code: 'JOB_TIMEOUT' },
    })
  })

  test('a result that comes after the timeout is ignored', async () => {
    const late = new Signal()
    const job = defineJob({
      type: 'slow',
      timeout: 1_000,
      maxRetries: 1,
      handle: (_, ctx) => (ctx.attempt === 1 ? late.wait().then(() => 'late') : 'second'),
    })
    const { scheduler } = cluster.node({ jobs: [job] })
    await scheduler.start()
    const id = await scheduler.enqueue(job)
    await cluster.clock.advance(5_000)
    late.give()
    await cluster.clock.advance(7_000)
    expect(await scheduler.getJob(id)).toMatchObject({ state: 'completed', result: 'second', failures: 1 })
  })

  test('touch and progress keep a stall limit away; silence does not', async () => {
    let context: JobContext | undefined
    const progress: number[] = []
    const job = defineJob({
      type: 'long',
      handle: (_, ctx) => {
        context = ctx
        return untilAborted(ctx.signal)
      },
    })
    const { scheduler } = cluster.node({ jobs: [job] })
    scheduler.on('progress', (event) => progress.push(event.progress))
    await scheduler.start()
    const id = await scheduler.enqueue(job, undefined, { stallTimeout: '10s' })
    await cluster.until(() => context !== undefined)
    for (const step of [1, 2, 3]) {
      await cluster.clock.advance(9_000)
      if (step === 2) await context?.updateProgress(50)
      else await context?.touch()
    }
    expect((await scheduler.getJob(id))?.state).toBe('running')
    await expect(context?.updateProgress(101)).rejects.toThrow(/from 0 to 100/)
    await cluster.clock.advance(10_000)
    expect(await scheduler.getJob(id)).toMatchObject({
      state: 'failed',
      reason: 'stalled',
      error: { code: 'JOB_STALLED' },
    })
    expect(progress).toEqual([50])
    await expect(context?.touch()).rejects.toMatchObject({ code: 'JOB_STALLED' })
  })

  test('a running job is cancelled from another node; its handler hears of it at the heartbeat', async () => {
    const reasons: unknown[] = []
    const cancelled: string[] = []
    const job = defineJob({
      type: 'long',
      handle: async (_, ctx) =>
        untilAborted(ctx.signal).catch((reason: unknown) => {
          reasons.push(reason)
          throw reason
        }),
    })
    const worker = cluster.node({ jobs: [job] })
    const other = cluster.node({ jobs: [defineJob({ type: 'long' })] })
    worker.scheduler.on('cancelled', (event) => cancelled.push(event.job.id))
    await worker.scheduler.start()
    const id = await other.scheduler.enqueue('long')
    await cluster.until(async () => (await other.scheduler.getJob(id))?.state === 'running')
    await other.scheduler.cancelJob(id)
    await cluster.until(() => cancelled.length === 1, 15_000)
    expect(reasons).toMatchObject([{ code: 'JOB_CANCELLED' }])
    expect(await other.scheduler.getJob(id)).toMatchObject({ state: 'cancelled', failures: 0 })
  })

  test('cancelled on its own node it ends at once, and a handler that does not listen is let go after a while', async () => {
    const job = defineJob({ type: 'deaf', handle: () => new Promise(() => {}) })
    const { scheduler } = cluster.node({ jobs: [job] })
    await scheduler.start()
    const id = await scheduler.enqueue(job)
    await cluster.until(async () => (await scheduler.getJob(id))?.state === 'running')
    await scheduler.cancelJob(id)
    await cluster.clock.advance(4_000)
    expect((await scheduler.getJob(id))?.state).toBe('running')
    await cluster.until(async () => (await scheduler.getJob(id))?.state === 'cancelled', 2_000)
  })

  test('a cancelled job ends as cancelled, also when its timeout comes first', async () => {
    const job = defineJob({ type: 'deaf', timeout: '3s', handle: () => new Promise(() => {}) })
    const { scheduler } = cluster.node({ jobs: [job] })
    const events: string[] = []
    scheduler.on('failed', () => events.push('failed'))
    scheduler.on('cancelled', ({ reason }) => events.push(`cancelled: ${reason}`))
    await scheduler.start()
    const id = await scheduler.enqueue(job)
    await cluster.until(async () => (await scheduler.getJob(id))?.state === 'running')
    await scheduler.cancelJob(id, 'because')
    await cluster.until(async () => (await scheduler.getJob(id))?.state !== 'running', 6_000)
    await cluster.until(() => events.length > 0, 1_000)
    expect(await scheduler.getJob(id)).toMatchObject({ state: 'cancelled', failures: 0, reason: 'because' })
    expect(events).toEqual(['cancelled: because'])
  })

  test('a schema that hangs is under the timeout too', async () => {
    const schema = z.string().refine(() => new Promise<boolean>(() => {}))
    const { scheduler } = cluster.node({
      jobs: [defineJob({ type: 'hangs', schema, timeout: '1s', handle() {} })],
    })
    const looker = cluster.node({ jobs: [defineJob({ type: 'hangs', schema: z.string() })] })
    await scheduler.start()
    const id = await looker.scheduler.enqueue('hangs', 'x')
    await cluster.until(async () => (await scheduler.getJob(id))?.state === 'failed', 2_000)
    expect(await scheduler.getJob(id)).toMatchObject({ reason: 'timeout' })
  })

  test('the functions of a context may be taken out of it, and no call of the log costs a job', async () => {
    const job = defineJob({
      type: 'job',
      async handle(_, { log, touch, updateProgress, jobId }) {
        await log('bogus' as 'info', 'odd')
        await touch()
        await updateProgress(5)
        return jobId
      },
    })
    const { scheduler } = cluster.node({ jobs: [job] })
    const levels: string[] = []
    scheduler.on('log', ({ level }) => levels.push(level))
    await scheduler.start()
    const id = await scheduler.enqueue(job)
    await cluster.until(async () => (await scheduler.getJob(id))?.state === 'completed', 1_000)
    expect([(await scheduler.getJob(id))?.result, levels]).toEqual([id, ['info']])
  })

  test('concurrency holds over the whole cluster, and every job runs once', async () => {
    let running = 0
    let most = 0
    const runs: number[] = []
    const waiting: (() => void)[] = []
    const job = defineJob({
      type: 'limited',
      schema: z.number(),
      concurrency: 3,
      async handle(n) {
        running++
        most = Math.max(most, running)
        runs.push(n)
        await new Promise<void>((resolve) => waiting.push(resolve))
        running--
      },
    })
    const nodes = [1, 2, 3].map(() => cluster.node({ jobs: [job], maxConcurrentJobs: 10 }))
    for (const { scheduler } of nodes) await scheduler.start()
    await nodes[0]!.scheduler.enqueueMany(
      job,
      Array.from({ length: 40 }, (_, i) => ({ payload: i })),
    )
    await cluster.until(() => running === 3)
    while (runs.length < 40 || running > 0) {
      waiting.shift()?.()
      await cluster.until(
        () => running === Math.min(3, 40 - (runs.length - running)) || running === 0,
        10_000,
      )
    }
    expect(most).toBe(3)
    expect([...runs].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i))
  })

  test('maxConcurrentJobs holds in one node, and slow jobs are not claimed ahead', async () => {
    let running = 0
    const release: (() => void)[] = []
    const job = defineJob({
      type: 'slow',
      handle: () => {
        running++
        return new Promise<void>((resolve) => release.push(resolve)).finally(() => running--)
      },
    })
    const one = cluster.node({ jobs: [job], maxConcurrentJobs: 4 })
    const two = cluster.node({ jobs: [job], maxConcurrentJobs: 4 })
    await one.scheduler.start()
    await one.scheduler.enqueueMany(
      job,
      Array.from({ length: 8 }, () => ({})),
    )
    await cluster.clock.advance(1_000)
    expect(running).toBe(4)
    await two.scheduler.start()
    await cluster.until(() => running === 8)
    for (const go of release) go()
  })

  test('a handler is called as a method of its definition, synchronous or not, and may throw anything', async () => {
    const errors: string[] = []
    class Mailer {
      readonly type = 'method'
      readonly schema = z.string()
      readonly maxRetries = 0
      sent: string[] = []
    }
    const definition = Object.assign(new Mailer(), {
      handle(this: unknown, data: string) {
        ;(this as Mailer).sent.push(data)
        if (data === 'text') throw 'just text'
        if (data === 'nothing') return Promise.reject()
        return data
      },
    })
    const { sent } = definition
    const { handle, type, schema } = definition
    const job = defineJob({ type, schema, handle: (data) => handle.call(definition, data) })
    const { scheduler } = cluster.node({ jobs: [job], onJobFailed: (_, error) => errors.push(error.message) })
    await scheduler.start()
    await scheduler.enqueueMany(job, [{ payload: 'fine' }, { payload: 'text' }, { payload: 'nothing' }])
    await cluster.until(() => errors.length === 2)
    expect(sent).toEqual(['fine', 'text', 'nothing'])
    expect(errors).toEqual(['just text', 'undefined'])
  })

  test('hooks, listeners and loggers that throw or reject hurt no job', async () => {
    const boom = (): never => {
      throw new Error('a hook')
    }
    const logger = { debug: boom, info: boom, warn: boom, error: boom }
    const job = defineJob({
      type: 'job',
      schema: z.boolean(),
      maxRetries: 1,
      backoffStrategy: { type: 'linear', delay: 1 },
      async handle(fail, ctx) {
        await ctx.log('error', 'hello', { a: 1 })
        await ctx.updateProgress(1)
        if (fail && ctx.attempt === 1) throw new Error('first')
      },
    })
    const { scheduler } = cluster.node({
      jobs: [job],
      logger,
      onJobStarted: boom,
      onJobCompleted: () => Promise.reject(new Error('later')),
      onJobFailed: boom,
      onLeadershipAcquired: boom,
      onLeadershipLost: boom,
    })
    const logged: unknown[] = []
    scheduler.on('log', ({ level, message, metadata }) => {
      logged.push([level, message, metadata])
      boom()
    })
    for (const event of ['started', 'retry', 'progress', 'error'] as const) scheduler.on(event, boom)
    await scheduler.start()
    const ids = await scheduler.enqueueMany(job, [{ payload: true }, { payload: false }])
    await cluster.until(async () => (await scheduler.countJobs({ state: 'completed' })) === 2, 1_000)
    expect(await Promise.all(ids.map(async (id) => (await scheduler.getJob(id))?.state))).toEqual([
      'completed',
      'completed',
    ])
    expect(logged[0]).toEqual(['error', 'hello', { a: 1 }])
  })

  test('an at-most-once job is not retried', async () => {
    let runs = 0
    const job = defineJob({
      type: 'once',
      delivery: 'at-most-once',
      maxRetries: 5,
      handle: () => {
        runs++
        throw new Error('no')
      },
    })
    const { scheduler } = cluster.node({ jobs: [job] })
    await scheduler.start()
    const id = await scheduler.enqueue(job)
    await cluster.clock.advance(100_000)
    expect(runs).toBe(1)
    expect((await scheduler.getJob(id))?.state).toBe('failed')
  })
})
