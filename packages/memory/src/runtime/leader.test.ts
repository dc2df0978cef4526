import { defineJob } from '@sched/core'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Cluster, STORE_KINDS } from './cluster.support.ts'

const FAST = {
  leaderLockTTL: 3_000,
  jobLockTTL: 3_000,
  workerHeartbeatInterval: 1_000,
  workerInactiveCheckInterval: 1_000,
  expiredJobCheckInterval: 1_000,
  jobSchedulingInterval: 1_000,
} as const

describe.each(STORE_KINDS)('leaders and schedules, %s store', (kind) => {
  let cluster = new Cluster(kind)
  afterEach(async () => {
    await cluster.stop()
    cluster = new Cluster(kind)
  })

  const crowd = (size: number, runs: number[], options = {}) => {
    const tick = defineJob({
      type: 'tick',
      schema: z.object({ n: z.number() }),
      handle: (_, ctx) => void runs.push(ctx.dueAt),
    })
    return Array.from({ length: size }, (_, i) =>
      cluster.node({ jobs: [tick], worker: `w${i}`, ...FAST, ...options }),
    )
  }

  test('one leader at a time; when it dies another leads within the lock and one renewal', async () => {
    const changes: string[] = []
    const terms: number[] = []
    const nodes = crowd(4, [])
    for (const { scheduler } of nodes) {
      scheduler.on('leadershipAcquired', ({ worker, term }) => {
        changes.push(`+${worker.split('#')[0]}`)
        terms.push(term ?? Number.NaN)
      })
      scheduler.on('leadershipLost', ({ worker }) => changes.push(`-${worker.split('#')[0]}`))
    }
    for (const { scheduler } of nodes) await scheduler.start()
    await cluster.clock.advance(20_000)
    expect(changes).toEqual(['+w0'])
    expect(nodes.map(({ scheduler }) => scheduler.isLeader)).toEqual([true, false, false, false])
    nodes[0]!.freeze()
    await cluster.until(() => changes.length === 2, 4_000)
    expect(nodes[0]!.scheduler.isLeader).toBe(false)
    expect(nodes.filter(({ scheduler }) => scheduler.isLeader)).toHaveLength(1)
    nodes[0]!.thaw()
    await cluster.clock.advance(10_000)
    expect(changes.slice(2)).toEqual(['-w0'])
    expect(terms[1]).toBeGreaterThan(terms[0]!)
  })

  test('a stopping leader hands over: the next leads at its next round', async () => {
    const nodes = crowd(2, [])
    for (const { scheduler } of nodes) await scheduler.start()
    await cluster.clock.advance(500)
    await nodes[0]!.scheduler.stop()
    await cluster.until(() => nodes[1]!.scheduler.isLeader, 1_000)
  })

  test('a leader cut off from the lock stops leading by its own clock, before anyone else can', async () => {
    const nodes = crowd(2, [])
    for (const { scheduler } of nodes) await scheduler.start()
    await cluster.clock.advance(500)
    nodes[0]!.network.break('refuse', ['acquire', 'renew', 'acquireLease', 'isOwner'])
    for (let ms = 0; ms < 6_000; ms += 50) {
      await cluster.clock.advance(50)
      expect(nodes.filter(({ scheduler }) => scheduler.isLeader).length).toBeLessThanOrEqual(1)
    }
    expect(nodes[1]!.scheduler.isLeader).toBe(true)
  })

  test('each due instant of an interval fires once, on time, with several nodes that all put the schedule', async () => {
    const runs: number[] = []
    const nodes = crowd(4, runs)
    for (const { scheduler } of nodes) await scheduler.start()
    await Promise.all(
      nodes.map(({ scheduler }) =>
        scheduler.schedule('each', 'tick', { n: 1 }, { scheduleType: 'interval', scheduleValue: '5s' }),
      ),
    )
    const first = (await nodes[0]!.scheduler.previewSchedule('each', 1))[0]!
    await cluster.clock.advance(60_000)
    expect(runs).toEqual(Array.from({ length: runs.length }, (_, i) => first + i * 5_000))
    expect(runs.length).toBeGreaterThanOrEqual(11)
  })

  test('each due instant fires once while leaders die one after another, and there is none for a while', async () => {
    const runs: number[] = []
    const nodes = crowd(5, runs)
    for (const { scheduler } of nodes) await scheduler.start()
    await nodes[0]!.scheduler.schedule(
      'each',
      'tick',
      { n: 1 },
      { scheduleType: 'interval', scheduleValue: 1_000 },
    )
    const first = (await nodes[0]!.scheduler.previewSchedule('each', 1))[0]!
    for (let death = 0; death < 3; death++) {
      await cluster.until(() => nodes.some(({ scheduler }) => scheduler.isLeader), 10_000)
      nodes.find(({ scheduler }) => scheduler.isLeader)!.freeze()
      await cluster.clock.advance(7_000)
    }
    await cluster.clock.advance(10_000)
    const due = Array.from({ length: runs.length }, (_, i) => first + i * 1_000)
    expect([...runs].sort((a, b) => a - b)).toEqual(due)
    expect(due.at(-1)).toBeGreaterThanOrEqual(cluster.clock.now() - 1_000)
  })

  test('a schedule is disabled, changed, enabled, run by hand and removed', async () => {
    const runs: number[] = []
    const [node] = crowd(1, runs)
    const { scheduler } = node!
    await scheduler.start()
    await scheduler.schedule(
      'each',
      'tick',
      { n: 1 },
      { scheduleType: 'interval', scheduleValue: '10s', enabled: false },
    )
    await cluster.clock.advance(30_000)
    expect(runs).toEqual([])
    await scheduler.enableSchedule('each')
    await cluster.clock.advance(20_000)
    expect(runs).toHaveLength(2)
    const id = await scheduler.runScheduleNow('each')
    await cluster.until(() => runs.length === 3)
    expect((await scheduler.getJob(id))?.occurrence).toMatchObject({ schedule: 'each' })
    await scheduler.disableSchedule('each')
    await cluster.clock.advance(30_000)
    expect(runs).toHaveLength(3)
    expect((await scheduler.listSchedules()).map(({ name, state }) => [name, state])).toEqual([
      ['each', 'inactive'],
    ])
    expect(await scheduler.removeSchedule('each')).toBe(true)
    expect(await scheduler.getSchedule('each')).toBeNull()
    await expect(scheduler.enableSchedule('each')).rejects.toThrow(/no schedule "each"/)
    await expect(
      scheduler.schedule('x', 'tick', { n: 'no' } as never, {
        scheduleType: 'interval',
        scheduleValue: 10_000,
      }),
    ).rejects.toThrow(/payload of "tick"/)
    await expect(
      scheduler.schedule('x', 'tick', { n: 1 }, {
        scheduleType: 'interval',
        scheduleValue: 10_000,
        delay: 1,
      } as never),
    ).rejects.toThrow(/"delay" is for one job/)
  })

  test('the jobs of a schedule carry its options and its definition’s', async () => {
    const runs: number[] = []
    const fails = defineJob({
      type: 'fails',
      maxRetries: 1,
      handle: (_, ctx) => {
        runs.push(ctx.attempt)
        throw new Error('no')
      },
    })
    const { scheduler } = cluster.node({ jobs: [fails] })
    await scheduler.start()
    await scheduler.schedule('once', fails, undefined, {
      scheduleType: 'once',
      scheduleValue: new Date(cluster.clock.now() + 5_000),
      priority: 7,
      entityId: 'e',
      backoffStrategy: { type: 'linear', delay: 100 },
    })
    await cluster.clock.advance(6_000)
    expect(runs).toEqual([1, 2])
    const { jobs } = await scheduler.listJobs({ schedule: 'once' })
    expect(jobs).toMatchObject([{ priority: 7, maxRetries: 1, entityId: 'e', state: 'failed', failures: 2 }])
    await scheduler.retryJob(jobs[0]!.id)
    await cluster.clock.advance(200)
    expect(runs).toHaveLength(4)
  })

  test('a schedule that cannot be read puts its job off, and it runs when the store answers', async () => {
    const runs: number[] = []
    const [node] = crowd(1, runs)
    const { scheduler, network } = node!
    await scheduler.start()
    await scheduler.schedule('each', 'tick', { n: 1 }, { scheduleType: 'interval', scheduleValue: '10s' })
    await cluster.clock.advance(9_000)
    network.break('refuse', kind === 'fused' ? ['get'] : ['none'])
    await cluster.clock.advance(3_000)
    if (kind === 'fused') expect(runs).toEqual([])
    network.mend()
    await cluster.until(() => runs.length === 1, 2_000)
  })
})
