import { defineJob } from '@sched/core'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Cluster, STORE_KINDS } from '../runtime/cluster.support.ts'

interface Run {
  readonly node: string
  readonly dueAt: number
  readonly at: number
  readonly data: unknown
  readonly attempt: number
}

const SECONDLY = { scheduleType: 'cron', scheduleValue: '* * * * * *' } as const

describe.each(STORE_KINDS)('schedules fire, %s store', (kind) => {
  let cluster = new Cluster(kind)
  let runs: Run[] = []
  afterEach(async () => {
    await cluster.stop()
    cluster = new Cluster(kind)
    runs = []
  })

  /** A process with the job `tick`; `work` is what its handler does. */
  const node = (name: string, work: (run: Run) => unknown = () => undefined) => {
    const tick = defineJob({
      type: 'tick',
      schema: z.number(),
      maxRetries: 2,
      backoffStrategy: { type: 'linear', delay: 250 },
      handle(data, ctx) {
        const run = { node: name, dueAt: ctx.dueAt, at: cluster.clock.now(), data, attempt: ctx.attempt }
        runs.push(run)
        return work(run)
      },
    })
    return { tick, ...cluster.node({ jobs: [tick], worker: name }) }
  }
  const instants = () => runs.map((run) => run.dueAt)
  const seconds = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => from + (i + 1) * 1000)

  test('each due instant once, to the millisecond, with three processes that all put the schedule', async () => {
    const nodes = ['a', 'b', 'c'].map((name) => node(name))
    const start = cluster.clock.now()
    await Promise.all(
      nodes.map(async ({ scheduler, tick }) => {
        await scheduler.start()
        await scheduler.schedule('each second', tick, 1, SECONDLY)
      }),
    )
    await cluster.clock.advanceTo(start + 60_500)
    expect(instants()).toEqual(seconds(start, 60))
    expect(runs.filter((run) => run.at !== run.dueAt)).toEqual([])
    expect(new Set(runs.map((run) => run.attempt))).toEqual(new Set([1]))
    expect(await nodes[0]!.scheduler.getSchedule('each second')).toMatchObject({
      next: start + 61_000,
      passed: start + 60_000,
    })
  })

  test('an interval stays on its anchor however long the runs take', async () => {
    const { scheduler, tick } = node('a')
    await scheduler.start()
    const start = cluster.clock.now()
    await scheduler.schedule('often', tick, 1, { scheduleType: 'interval', scheduleValue: '70ms' })
    await cluster.clock.advance(7_000)
    expect(instants()).toEqual(Array.from({ length: 100 }, (_, i) => start + (i + 1) * 70))
  })

  test('one instant fires once', async () => {
    const { scheduler, tick } = node('a')
    await scheduler.start()
    const at = cluster.clock.now() + 12_345
    await scheduler.schedule('once', tick, 7, { scheduleType: 'once', scheduleValue: new Date(at) })
    await cluster.clock.advance(200_000)
    expect(runs).toEqual([{ node: 'a', dueAt: at, at, data: 7, attempt: 1 }])
    // put again by a later process: it has fired
    await scheduler.schedule('once', tick, 7, { scheduleType: 'once', scheduleValue: new Date(at) })
    await cluster.clock.advance(200_000)
    expect(runs).toHaveLength(1)
  })

  test('a process that stands still in a run loses it, and the chain goes on without it', async () => {
    const stuck = node('stuck', () => stuck.freeze())
    const start = cluster.clock.now()
    await stuck.scheduler.start()
    await stuck.scheduler.schedule('each second', stuck.tick, 1, SECONDLY)
    await cluster.until(() => runs.length === 1, 2_000)
    const well = node('well')
    await well.scheduler.start()
    await cluster.until(() => runs.some((run) => run.node === 'well' && run.dueAt === start + 1_000), 200_000)
    const count = Math.floor((cluster.clock.now() - start) / 1000)
    await cluster.clock.advance(2_500)
    stuck.thaw()
    await cluster.clock.advance(2_000)
    const firsts = [...new Set(instants())].sort((a, b) => a - b)
    expect(firsts.slice(0, count)).toEqual(seconds(start, count))
    // only what the stuck process had begun came twice
    expect(runs.length - firsts.length).toBe(1)
  })

  test.each([
    ['refuse', ['get']],
    ['refuse', ['compareAndSet']],
    ['refuse', ['insert']],
    ['lose-reply', ['get']],
    ['lose-reply', ['compareAndSet']],
    ['lose-reply', ['insert']],
  ] as const)(
    'while the link drops (%s of %s) nothing is lost, and nothing runs twice',
    async (fault, calls) => {
      const { scheduler, tick, network } = node('a')
      await scheduler.start()
      const start = cluster.clock.now()
      await scheduler.schedule('each second', tick, 1, SECONDLY)
      await cluster.clock.advanceTo(start + 2_500)
      network.break(fault, calls)
      await cluster.clock.advanceTo(start + 5_500)
      network.mend()
      await cluster.clock.advanceTo(start + 120_500)
      expect(instants().sort((a, b) => a - b)).toEqual(seconds(start, 120))
      const late = runs.filter((run) => run.at !== run.dueAt && run.dueAt > start + 70_000)
      expect(late).toEqual([])
    },
  )

  test('a failing occurrence retries by itself while the next ones come', async () => {
    const { scheduler, tick } = node('a', ({ dueAt, attempt }) => {
      if (dueAt === start + 2_000 && attempt < 3) throw new Error('not yet')
    })
    await scheduler.start()
    const start = cluster.clock.now()
    await scheduler.schedule('each second', tick, 1, SECONDLY)
    await cluster.clock.advanceTo(start + 4_500)
    expect(runs.filter((run) => run.attempt === 1).map((run) => run.at)).toEqual(seconds(start, 4))
    expect(runs.filter((run) => run.attempt > 1).map((run) => run.at - start)).toEqual([2_250, 2_500])
  })

  test('a dead letter of a schedule is redriven, after the schedule was disabled too', async () => {
    let broken = true
    const { scheduler, tick } = node('a', () => {
      if (broken) throw new Error('broken')
    })
    await scheduler.start()
    await scheduler.schedule('daily', tick, 4, { scheduleType: 'cron', scheduleValue: '0 12 * * *' })
    await cluster.clock.advance(13 * 3_600_000)
    expect(runs).toHaveLength(3)
    const [dead] = (await scheduler.listJobs({ state: 'failed' })).jobs
    expect(dead).toMatchObject({ occurrence: { schedule: 'daily' } })
    await scheduler.disableSchedule('daily')
    broken = false
    await scheduler.retryJob(dead!.id)
    await cluster.clock.advance(1_000)
    expect(await scheduler.getJob(dead!.id)).toMatchObject({ state: 'completed' })
    expect(runs).toHaveLength(4)
  })
})
