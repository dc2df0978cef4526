import { defineJob } from '@sched/core'
import { afterEach, describe, expect, test } from 'vitest'
import { Cluster, Signal, STORE_KINDS } from './cluster.support.ts'

const FAST = {
  jobLockTTL: 3_000,
  workerHeartbeatInterval: 1_000,
  leaderLockTTL: 3_000,
  workerInactiveCheckInterval: 1_000,
  jobProcessingInterval: 1_000,
} as const

describe.each(STORE_KINDS)('leases, %s store', (kind) => {
  let cluster = new Cluster(kind)
  afterEach(async () => {
    await cluster.stop()
    cluster = new Cluster(kind)
  })

  test('the lease of a long attempt renews by itself', async () => {
    const end = new Signal()
    let runs = 0
    const job = defineJob({
      type: 'long',
      handle: () => {
        runs++
        return end.wait()
      },
    })
    const nodes = [cluster.node({ jobs: [job], ...FAST }), cluster.node({ jobs: [job], ...FAST })]
    for (const { scheduler } of nodes) await scheduler.start()
    const id = await nodes[0]!.scheduler.enqueue(job)
    await cluster.clock.advance(60_000)
    end.give()
    await cluster.until(async () => (await nodes[0]!.scheduler.getJob(id))?.state === 'completed', 1_000)
    expect(runs).toBe(1)
  })

  test('a worker that stands still past its lease: another runs the job, and the late result is dropped', async () => {
    const started: string[] = []
    const told: string[] = []
    const reasons: unknown[] = []
    const end = new Signal()
    const job = defineJob({
      type: 'long',
      async handle(_, ctx) {
        started.push(`attempt ${ctx.attempt}`)
        if (ctx.attempt > 1) return 'second'
        ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason))
        await end.wait()
        return 'first'
      },
    })
    const one = cluster.node({ jobs: [job], ...FAST })
    one.scheduler.on('stale', ({ outcome }) => told.push(`stale ${outcome}`))
    one.scheduler.on('lost', () => told.push('lost'))
    one.scheduler.on('workerReplaced', ({ worker, replacedBy }) =>
      told.push(worker === replacedBy ? 'same' : 'replaced'),
    )
    one.scheduler.on('completed', () => told.push('completed by the first'))
    await one.scheduler.start()
    const before = one.scheduler.workerId
    const id = await one.scheduler.enqueue(job)
    await cluster.until(() => started.length === 1)
    const two = cluster.node({ jobs: [job], ...FAST })
    await two.scheduler.start()
    one.freeze()
    await cluster.until(async () => (await two.scheduler.getJob(id))?.state === 'completed', 12_000)
    one.thaw()
    end.give()
    await cluster.clock.advance(5_000)
    expect(started).toEqual(['attempt 1', 'attempt 2'])
    expect(told).toContain('stale complete')
    expect(told).not.toContain('completed by the first')
    expect(await two.scheduler.getJob(id)).toMatchObject({
      state: 'completed',
      result: 'second',
      crashes: 1,
      failures: 0,
    })
    expect(one.scheduler.workerId).not.toBe(before)
    expect(one.scheduler.workerId?.split('#')[0]).toBe(before?.split('#')[0])
    expect((await two.scheduler.workers()).filter(({ dead }) => !dead)).toHaveLength(2)
  })

  test('declared dead while its handler still runs, it aborts the handler and takes jobs again under its new id', async () => {
    const reasons: unknown[] = []
    const order: string[] = []
    const end = new Signal()
    const job = defineJob({
      type: 'long',
      async handle(_, ctx) {
        order.push(`attempt ${ctx.attempt}`)
        if (ctx.attempt > 1) return
        ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason))
        await end.wait()
      },
    })
    const { scheduler, freeze, thaw } = cluster.node({ jobs: [job], maxConcurrentJobs: 2, ...FAST })
    scheduler.on('stale', () => order.push('stale'))
    await scheduler.start()
    await scheduler.enqueue(job)
    await cluster.until(() => order.length === 1)
    const other = cluster.node({ jobs: [defineJob({ type: 'other', handle() {} })], ...FAST })
    await other.scheduler.start()
    freeze()
    await cluster.clock.advance(8_000)
    thaw()
    await cluster.until(() => order.length === 2, 3_000)
    expect(order).toEqual(['attempt 1', 'attempt 2'])
    expect(reasons).toMatchObject([{ code: 'LEASE_LOST' }])
    end.give()
    await cluster.until(() => order.includes('stale'), 1_000)
  })

  test('past its own lease it neither claims nor starts, and goes on when the store answers again', async () => {
    let runs = 0
    const job = defineJob({ type: 'job', handle: () => void runs++ })
    const { scheduler, network } = cluster.node({ jobs: [job], ...FAST })
    const producer = cluster.node({ jobs: [job] })
    await scheduler.start()
    network.break('refuse', ['heartbeat', 'compareAndSet'])
    await cluster.clock.advance(4_000)
    await producer.scheduler.enqueueMany(job, [{}, {}, {}])
    await cluster.clock.advance(4_000)
    expect(runs).toBe(0)
    network.mend()
    await cluster.until(() => runs === 3, 4_000)
  })

  test('a killed worker: its job runs elsewhere within lease and sweep, and counts as a crash', async () => {
    const runs: number[] = []
    const job = defineJob({
      type: 'job',
      handle: (_, ctx) => {
        runs.push(ctx.attempt)
        return ctx.attempt === 1 ? new Promise(() => {}) : 'done'
      },
    })
    const victim = cluster.node({ jobs: [job], ...FAST })
    await victim.scheduler.start()
    const id = await victim.scheduler.enqueue(job)
    await cluster.until(() => runs.length === 1)
    const heir = cluster.node({ jobs: [job], ...FAST })
    await heir.scheduler.start()
    victim.freeze()
    const killedAt = cluster.clock.now()
    await cluster.until(() => runs.length === 2, 12_000)
    // the victim led: lease, leader lock and one renewal, one sweep
    expect(cluster.clock.now() - killedAt).toBeLessThanOrEqual(3_000 + 1_000 + 1_000 + 1_000)
    await cluster.until(async () => (await heir.scheduler.getJob(id))?.state === 'completed', 1_000)
    expect(await heir.scheduler.getJob(id)).toMatchObject({ crashes: 1, failures: 0, attempt: 2 })
  })

  test('a poison job fails as crashed after three worker deaths; at-most-once after one', async () => {
    const runs: string[] = []
    const poison = defineJob({
      type: 'poison',
      handle: () => {
        runs.push('poison')
        return new Promise(() => {})
      },
    })
    const once = defineJob({
      type: 'once',
      delivery: 'at-most-once',
      handle: () => {
        runs.push('once')
        return new Promise(() => {})
      },
    })
    const watcher = cluster.node({ jobs: [defineJob({ type: 'nothing', handle() {} })], ...FAST })
    await watcher.scheduler.start()
    const enqueuer = cluster.node({
      jobs: [defineJob({ type: 'poison' }), defineJob({ type: 'once', delivery: 'at-most-once' })],
    })
    const poisonId = await enqueuer.scheduler.enqueue('poison')
    const onceId = await enqueuer.scheduler.enqueue('once')
    for (let death = 1; death <= 3; death++) {
      const victim = cluster.node({ jobs: [poison, once], ...FAST })
      await victim.scheduler.start()
      await cluster.until(() => runs.filter((name) => name === 'poison').length === death, 5_000)
      victim.freeze()
      await cluster.clock.advance(8_000)
    }
    expect(await watcher.scheduler.getJob(poisonId)).toMatchObject({
      state: 'failed',
      reason: 'crashed',
      crashes: 3,
    })
    expect(await watcher.scheduler.getJob(onceId)).toMatchObject({ state: 'failed', reason: 'crashed' })
    expect(runs.filter((name) => name === 'once')).toHaveLength(1)
  })

  test('while the store is away outcomes are kept, and sent when it is back: each job runs once', async () => {
    const runs: string[] = []
    const errors: string[] = []
    const go = new Signal()
    const job = defineJob({
      type: 'job',
      handle: async (_, ctx) => {
        runs.push(ctx.jobId)
        await go.wait()
        return 'kept'
      },
    })
    const { scheduler, network } = cluster.node({ jobs: [job], jobLockTTL: 60_000 })
    scheduler.on('error', ({ during }) => errors.push(during))
    await scheduler.start()
    const ids = await scheduler.enqueueMany(job, [{}, {}, {}])
    await cluster.until(() => runs.length === 3)
    network.break('refuse')
    go.give()
    await cluster.clock.advance(10_000)
    network.mend()
    await cluster.clock.advance(6_000)
    for (const id of ids)
      expect(await scheduler.getJob(id)).toMatchObject({ state: 'completed', result: 'kept', attempt: 1 })
    expect(runs).toHaveLength(3)
    expect(errors).toContain('settle and claim')
  })

  test('lost answers of settles and claims: nothing is lost, and nothing is completed twice', async () => {
    const runs = new Map<string, number>()
    const completed = new Map<string, number>()
    const job = defineJob({
      type: 'job',
      handle: (_, ctx) => void runs.set(ctx.jobId, (runs.get(ctx.jobId) ?? 0) + 1),
    })
    const { scheduler, network } = cluster.node({ jobs: [job], ...FAST, maxConcurrentJobs: 5 })
    const producer = cluster.node({ jobs: [job] })
    scheduler.on('completed', ({ job: { id } }) => completed.set(id, (completed.get(id) ?? 0) + 1))
    await scheduler.start()
    const ids = await producer.scheduler.enqueueMany(
      job,
      Array.from({ length: 30 }, () => ({})),
    )
    for (let i = 0; i < 6; i++) {
      network.break('lose-reply', ['settle', 'claimLeases', 'compareAndSetMany', 'ackMany'])
      await cluster.clock.advance(60)
      network.mend()
      await cluster.clock.advance(60)
    }
    await cluster.until(
      async () => (await producer.scheduler.countJobs({ state: 'completed' })) === 30,
      60_000,
      1_000,
    )
    expect([...completed.values()].every((count) => count === 1)).toBe(true)
    for (const id of ids) expect(runs.get(id)).toBeGreaterThanOrEqual(1)
  })

  test('a wall clock that is an hour wrong starts nothing early and steals nothing', async () => {
    const at: number[] = []
    const job = defineJob({ type: 'job', handle: () => void at.push(cluster.clock.now() - start) })
    const wrong = cluster.node({ jobs: [job], ...FAST })
    const right = cluster.node({ jobs: [job], ...FAST })
    wrong.clock.skew = 3_600_000
    await right.scheduler.start()
    await wrong.scheduler.start()
    const start = cluster.clock.now()
    await wrong.scheduler.enqueue(job, undefined, { delay: '10m', expiresIn: '11m' })
    await cluster.clock.advance(599_999)
    expect(at).toEqual([])
    await cluster.clock.advance(1)
    await cluster.clock.settle()
    expect(at).toEqual([600_000])
    expect((await right.scheduler.workers()).filter(({ dead }) => dead)).toEqual([])
  })
})
