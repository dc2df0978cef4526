import { defineJob } from '@sched/core'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Cluster, Signal, STORE_KINDS } from './cluster.support.ts'

describe.each(STORE_KINDS)('stopping, %s store', (kind) => {
  let cluster = new Cluster(kind)
  afterEach(async () => {
    await cluster.stop()
    cluster = new Cluster(kind)
  })

  /** Stops while the clock moves; resolves to how long it took. */
  const stopped = async (stop: Promise<void>): Promise<number> => {
    const from = cluster.clock.now()
    let over = false
    void stop.then(() => {
      over = true
    })
    await cluster.until(() => over, 60_000, 10)
    return cluster.clock.now() - from
  }

  test('a graceful stop waits for what runs, starts nothing more, and gives back what waits', async () => {
    const started: number[] = []
    const go = new Signal()
    const job = defineJob({
      type: 'job',
      schema: z.number(),
      async handle(n, ctx) {
        started.push(n)
        await go.wait()
        return ctx.isShuttingDown
      },
    })
    const { scheduler } = cluster.node({ jobs: [job], maxConcurrentJobs: 2 })
    const looker = cluster.node({ jobs: [defineJob({ type: 'job' })] })
    await scheduler.start()
    const ids = await scheduler.enqueueMany(
      job,
      [1, 2, 3, 4, 5].map((payload) => ({ payload })),
    )
    await cluster.until(() => started.length === 2)
    const stop = scheduler.stop()
    expect(scheduler.stop()).toBe(stop)
    await cluster.clock.advance(1_000)
    go.give()
    expect(await stopped(stop)).toBeLessThan(1_000)
    expect(started).toEqual([1, 2])
    const jobs = await Promise.all(ids.map((id) => looker.scheduler.getJob(id)))
    expect(jobs.map((record) => record?.state)).toEqual([
      'completed',
      'completed',
      'pending',
      'pending',
      'pending',
    ])
    expect(jobs.map((record) => record?.attempt)).toEqual([1, 1, 0, 0, 0])
    expect(jobs[0]?.result).toBe(true)
    expect(await looker.scheduler.workers()).toEqual([])
  })

  test('after shutdownTimeout what runs is aborted and goes back without counting', async () => {
    const reasons: unknown[] = []
    const interrupted: string[] = []
    const polite = defineJob({
      type: 'polite',
      handle: (_, ctx) =>
        new Promise((_, reject) =>
          ctx.signal.addEventListener('abort', () => {
            reasons.push(ctx.signal.reason)
            reject(new Error('ended'))
          }),
        ),
    })
    const deaf = defineJob({ type: 'deaf', handle: () => new Promise(() => {}) })
    const once = defineJob({ type: 'once', delivery: 'at-most-once', handle: () => new Promise(() => {}) })
    const { scheduler } = cluster.node({ jobs: [polite, deaf, once], shutdownTimeout: '2s' })
    scheduler.on('interrupted', ({ job }) => interrupted.push(job.type))
    const looker = cluster.node({ jobs: [defineJob({ type: 'polite' })] })
    await scheduler.start()
    const ids = [
      await scheduler.enqueue(polite),
      await scheduler.enqueue(deaf),
      await scheduler.enqueue(once),
    ]
    await cluster.until(async () => (await scheduler.getMetrics()).running === 3)
    const took = await stopped(scheduler.stop())
    expect(took).toBeGreaterThanOrEqual(2_000)
    expect(took).toBeLessThan(2_200)
    expect(reasons).toMatchObject([{ code: 'SHUTTING_DOWN' }])
    expect(interrupted.sort()).toEqual(['deaf', 'polite'])
    const jobs = await Promise.all(ids.map((id) => looker.scheduler.getJob(id)))
    expect(jobs.map((record) => [record?.state, record?.attempt, record?.failures])).toEqual([
      ['pending', 0, 0],
      ['pending', 0, 0],
      ['failed', 1, 1],
    ])
    // what has failed for good does not claim that it will run again
    expect(jobs[2]?.error).toMatchObject({
      code: 'SHUTTING_DOWN',
      message: expect.not.stringMatching(/again/),
    })
  })

  test('a forced stop does not wait, also when a graceful one already does', async () => {
    const job = defineJob({ type: 'job', handle: () => new Promise(() => {}) })
    const { scheduler } = cluster.node({ jobs: [job] })
    const looker = cluster.node({ jobs: [defineJob({ type: 'job' })] })
    await scheduler.start()
    const id = await scheduler.enqueue(job)
    await cluster.until(async () => (await scheduler.getJob(id))?.state === 'running')
    const graceful = scheduler.stop()
    await cluster.clock.advance(1_000)
    const forced = scheduler.stop(true)
    expect(await stopped(Promise.all([graceful, forced]).then(() => undefined))).toBeLessThan(100)
    expect(await looker.scheduler.getJob(id)).toMatchObject({ state: 'pending', attempt: 0 })
  })

  test('a handler may enqueue while its scheduler stops', async () => {
    const go = new Signal()
    const seen: string[] = []
    const next = defineJob({ type: 'next', handle() {} })
    const job = defineJob({
      type: 'job',
      async handle() {
        await go.wait()
        seen.push(await scheduler.enqueue(next, undefined, { id: 'follow-up' }))
      },
    })
    const { scheduler } = cluster.node({ jobs: [job, next] })
    const looker = cluster.node({ jobs: [defineJob({ type: 'next' })] })
    await scheduler.start()
    await scheduler.enqueue(job)
    await cluster.until(async () => (await scheduler.getMetrics()).running === 1)
    const stop = scheduler.stop()
    await cluster.clock.settle()
    go.give()
    await stopped(stop)
    expect(seen).toEqual(['follow-up'])
    expect(await looker.scheduler.getJob('follow-up')).toMatchObject({ state: 'pending' })
  })

  test('a store that does not answer cannot keep a stop from ending, and nothing is lost', async () => {
    const go = new Signal()
    const job = defineJob({ type: 'job', handle: () => go.wait() })
    const { scheduler, network } = cluster.node({ jobs: [job], jobLockTTL: 3_000, leaderLockTTL: 3_000 })
    const heir = cluster.node({
      jobs: [defineJob({ type: 'job', handle: () => 'again' })],
      jobLockTTL: 3_000,
      leaderLockTTL: 3_000,
      workerInactiveCheckInterval: 1_000,
    })
    await scheduler.start()
    const id = await scheduler.enqueue(job)
    await cluster.until(async () => (await scheduler.getJob(id))?.state === 'running')
    await heir.scheduler.start()
    network.break('refuse')
    go.give()
    expect(await stopped(scheduler.stop())).toBeLessThan(6_000)
    await cluster.until(async () => (await heir.scheduler.getJob(id))?.state === 'completed', 20_000, 500)
    expect(await heir.scheduler.getJob(id)).toMatchObject({ result: 'again', crashes: 1 })
  })

  test('an at-most-once job whose handler was not called yet goes back when its scheduler stops', async () => {
    const schema = z.string().refine(() => new Promise<boolean>(() => {}))
    const job = defineJob({ type: 'job', schema, delivery: 'at-most-once', handle() {} })
    const { scheduler } = cluster.node({ jobs: [job] })
    const looker = cluster.node({
      jobs: [defineJob({ type: 'job', schema: z.string(), delivery: 'at-most-once' })],
    })
    await scheduler.start()
    const id = await looker.scheduler.enqueue('job', 'x')
    await cluster.until(async () => (await looker.scheduler.getJob(id))?.state === 'running')
    await stopped(scheduler.stop(true))
    expect(await looker.scheduler.getJob(id)).toMatchObject({ state: 'pending', attempt: 0, failures: 0 })
  })

  test('a store that hangs keeps no stop from ending, and nobody waiting for ever', async () => {
    const job = defineJob({ type: 'job', handle() {} })
    const failure = (work: Promise<unknown>) => work.catch((error: unknown) => error)
    const opening = cluster.node({ jobs: [job] })
    opening.network.hold()
    const unopened = [failure(opening.scheduler.start()), failure(opening.scheduler.enqueue(job))]
    expect(await stopped(opening.scheduler.stop(true))).toBeLessThan(16_000)
    expect(await Promise.all(unopened)).toMatchObject([{ code: 'CLOSED' }, { code: 'CLOSED' }])
    expect(opening.scheduler.workerId).toBeNull()

    const starting = cluster.node({ jobs: [job] })
    await starting.scheduler.getMetrics()
    starting.network.hold()
    const start = failure(starting.scheduler.start())
    await cluster.clock.settle()
    expect(await stopped(starting.scheduler.stop(true))).toBeLessThan(16_000)
    expect(await start).toMatchObject({ code: 'CLOSED' })

    const working = cluster.node({ jobs: [defineJob({ type: 'job' })] })
    await working.scheduler.start()
    working.network.hold()
    const sent = failure(working.scheduler.enqueue('job'))
    await cluster.clock.settle()
    const waiting = failure(working.scheduler.enqueueMany('job', [{}, {}]))
    await cluster.clock.settle()
    expect(await stopped(working.scheduler.stop(true))).toBeLessThan(16_000)
    expect(await sent).toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })
    expect(await waiting).toMatchObject({ code: 'CLOSED' })
  })

  test('a stop that waited long enough says no farewell to what is closed by then', async () => {
    const failures: string[] = []
    const go = new Signal()
    const job = defineJob({ type: 'job', handle: () => go.wait() })
    const { scheduler, network } = cluster.node({ jobs: [job], workerHeartbeatInterval: 1_000 })
    scheduler.on('error', ({ during }) => failures.push(during))
    await scheduler.start()
    await cluster.until(() => scheduler.isLeader)
    const id = await scheduler.enqueue(job)
    await cluster.until(async () => (await scheduler.getJob(id))?.state === 'running')
    network.hold()
    await cluster.clock.advance(1_500)
    go.give()
    // five seconds for the results, one for the farewells, five for closing
    expect(await stopped(scheduler.stop(true))).toBeLessThan(11_500)
    network.mend()
    await cluster.clock.advance(20_000)
    expect(failures.filter((during) => /leav|handing/.test(during))).toEqual([])
  })

  test('a stop that overtakes a start: the start rejects', async () => {
    const job = defineJob({ type: 'job', handle() {} })
    const { scheduler } = cluster.node({ jobs: [job] })
    const start = scheduler.start().catch((error: unknown) => error)
    const stop = scheduler.stop()
    expect(await start).toMatchObject({ code: 'CLOSED' })
    await stopped(stop)
    expect(scheduler.workerId).toBeNull()
    expect(() => scheduler.registerJob(defineJob({ type: 'late' }))).toThrow(/closed/)
  })

  test('rolling stops of every node: each job runs exactly once', async () => {
    const runs: number[] = []
    const pending: (() => void)[] = []
    const job = defineJob({
      type: 'job',
      schema: z.number(),
      handle: (n) => {
        runs.push(n)
        return new Promise<void>((resolve) => pending.push(resolve))
      },
    })
    const node = () => cluster.node({ jobs: [job], maxConcurrentJobs: 5 })
    let nodes = [node(), node(), node()]
    for (const { scheduler } of nodes) await scheduler.start()
    await nodes[0]!.scheduler.enqueueMany(
      job,
      Array.from({ length: 100 }, (_, payload) => ({ payload })),
    )
    while (runs.length < 100) {
      await cluster.clock.advance(20)
      const [oldest, ...others] = nodes
      const fresh = node()
      await fresh.scheduler.start()
      nodes = [...others, fresh]
      const stop = oldest!.scheduler.stop()
      for (const end of pending.splice(0)) end()
      await stopped(stop)
    }
    for (const end of pending.splice(0)) end()
    await cluster.clock.advance(100)
    expect([...runs].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  test('no timer is left when every scheduler has stopped', async () => {
    const job = defineJob({ type: 'job', timeout: '1h', stallTimeout: '1h', handle() {} })
    const nodes = [cluster.node({ jobs: [job] }), cluster.node({ jobs: [job] })]
    for (const { scheduler } of nodes) await scheduler.start()
    await nodes[0]!.scheduler.enqueueMany(job, [{}, {}, {}])
    await cluster.clock.advance(100)
    await nodes[0]!.scheduler.schedule('s', job, undefined, { scheduleType: 'interval', scheduleValue: '1h' })
    for (const { scheduler } of nodes) await stopped(scheduler.stop())
    expect(cluster.clock.pending).toBe(0)
  })

  test('stop before start, stop twice, start twice', async () => {
    let runs = 0
    const job = defineJob({ type: 'job', handle: () => void runs++ })
    const idle = cluster.node({ jobs: [job] })
    await idle.scheduler.stop()
    await idle.scheduler.stop(true)
    await expect(idle.scheduler.start()).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(idle.scheduler.enqueue(job)).rejects.toMatchObject({ code: 'CLOSED' })
    const { scheduler } = cluster.node({ jobs: [job] })
    await Promise.all([scheduler.start(), scheduler.start()])
    await scheduler.enqueue(job)
    await cluster.until(() => runs === 1)
    expect(await scheduler.workers()).toHaveLength(1)
  })

  test('a start that fails may be tried again', async () => {
    let runs = 0
    const job = defineJob({ type: 'job', handle: () => void runs++ })
    const { scheduler, network } = cluster.node({ jobs: [job] })
    network.break('refuse')
    await expect(scheduler.start()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    network.break('refuse', ['heartbeat', 'compareAndSet'])
    await expect(scheduler.start()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(scheduler.workerId).toBeNull()
    network.mend()
    await scheduler.start()
    await scheduler.enqueue(job)
    await cluster.until(() => runs === 1)
  })
})

test('what was started is not given back as never started, when its outcome cannot be told', async () => {
  const cluster = new Cluster('fused')
  const runs: string[] = []
  const jobs = (['at-most-once', 'at-least-once'] as const).map((delivery) =>
    defineJob({ type: delivery, delivery, handle: () => void runs.push(delivery) }),
  )
  const { scheduler, network } = cluster.node({ jobs })
  const looker = cluster.node({ jobs })
  scheduler.on('started', () => network.break('refuse', ['settle']))
  await scheduler.start()
  const id = await looker.scheduler.enqueue(jobs[0]!)
  await looker.scheduler.enqueue(jobs[1]!, undefined, { delay: 1 })
  await cluster.until(() => runs.length === 1, 100, 1)
  let over = false
  void scheduler.stop().then(() => {
    over = true
  })
  await cluster.until(() => over, 20_000)
  expect(await looker.scheduler.getJob(id)).toMatchObject({
    state: 'failed',
    reason: 'crashed',
    attempt: 1,
  })
  expect(runs).toEqual(['at-most-once'])
  await cluster.stop()
})
