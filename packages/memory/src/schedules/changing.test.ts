import { defineJob } from '@sched/core'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Cluster, Signal, STORE_KINDS } from '../runtime/cluster.support.ts'

const SECONDLY = { scheduleType: 'cron', scheduleValue: '* * * * * *' } as const
const HOUR = 3_600_000

describe.each(STORE_KINDS)('schedules change, %s store', (kind) => {
  let cluster = new Cluster(kind)
  let runs: { readonly after: number; readonly data: unknown }[] = []
  afterEach(async () => {
    await cluster.stop()
    cluster = new Cluster(kind)
    runs = []
  })

  const node = (work: () => unknown = () => undefined) => {
    const start = cluster.clock.now()
    const tick = defineJob({
      type: 'tick',
      schema: z.object({ n: z.number() }),
      handle(data, ctx) {
        runs.push({ after: ctx.dueAt - start, data: data.n })
        return work()
      },
    })
    return { tick, start, ...cluster.node({ jobs: [tick] }) }
  }
  const after = () => runs.map((run) => run.after)

  test('disabled it is silent, enabled it goes on from then, each time any of the processes says so', async () => {
    const [one, two] = [node(), node()]
    await Promise.all([one.scheduler.start(), two.scheduler.start()])
    await one.scheduler.schedule('s', one.tick, { n: 1 }, SECONDLY)
    await cluster.clock.advance(2_500)
    await two.scheduler.disableSchedule('s')
    await cluster.clock.advance(10_000)
    expect(after()).toEqual([1_000, 2_000])
    expect(await one.scheduler.countJobs({ state: 'pending' })).toBe(0)
    await one.scheduler.enableSchedule('s')
    await cluster.clock.advance(2_000)
    expect(after()).toEqual([1_000, 2_000, 13_000, 14_000])
    // a deployment that puts it again without `enabled` does not wake what an operator put to sleep
    await two.scheduler.disableSchedule('s')
    await two.scheduler.schedule('s', two.tick, { n: 1 }, SECONDLY)
    await cluster.clock.advance(5_000)
    expect(after()).toHaveLength(4)
    await two.scheduler.schedule('s', two.tick, { n: 1 }, { ...SECONDLY, enabled: true })
    await cluster.clock.advance(1_000)
    expect(after()).toHaveLength(5)
  })

  test('disabled while it runs: the run ends well, and no other comes', async () => {
    const end = new Signal()
    const { scheduler, tick } = node(() => end.wait())
    await scheduler.start()
    await scheduler.schedule('s', tick, { n: 1 }, { ...SECONDLY, scheduleValue: '*/10 * * * * *' })
    await cluster.until(() => runs.length === 1, 15_000)
    await scheduler.disableSchedule('s')
    end.give()
    await cluster.clock.advance(60_000)
    expect(runs).toHaveLength(1)
    expect((await scheduler.listJobs({ schedule: 's' })).jobs).toMatchObject([{ state: 'completed' }])
  })

  test('another payload counts from the next run on, another timing from then on', async () => {
    const { scheduler, tick } = node()
    await scheduler.start()
    await scheduler.schedule('s', tick, { n: 1 }, SECONDLY)
    await cluster.clock.advance(1_500)
    await scheduler.schedule('s', tick, { n: 2 }, SECONDLY)
    await cluster.clock.advance(1_000)
    await scheduler.schedule('s', tick, { n: 3 }, { ...SECONDLY, scheduleValue: '*/5 * * * * *' })
    await cluster.clock.advance(8_000)
    expect(runs).toEqual([
      { after: 1_000, data: 1 },
      { after: 2_000, data: 2 },
      { after: 5_000, data: 3 },
      { after: 10_000, data: 3 },
    ])
  })

  test('removed it is gone; made again it fires at the same next instant', async () => {
    const { scheduler, tick } = node()
    await scheduler.start()
    await scheduler.schedule('s', tick, { n: 1 }, SECONDLY)
    expect(await scheduler.removeSchedule('s')).toBe(true)
    expect(await scheduler.removeSchedule('s')).toBe(false)
    expect(await scheduler.countJobs({ state: 'pending' })).toBe(0)
    await scheduler.schedule('s', tick, { n: 2 }, SECONDLY)
    await cluster.clock.advance(1_000)
    expect(runs).toEqual([{ after: 1_000, data: 2 }])
  })

  test('after a long outage the stale occurrence is skipped with its reason, and the future goes on', async () => {
    const before = node()
    await before.scheduler.start()
    await before.scheduler.schedule('s', before.tick, { n: 1 }, { ...SECONDLY, scheduleValue: '0 * * * * *' })
    await cluster.clock.advance(90_000)
    await before.scheduler.stop()
    await cluster.clock.advance(3 * HOUR)
    expect(after()).toEqual([60_000])
    const later = node()
    await later.scheduler.start()
    await cluster.clock.advance(120_000)
    const [skipped] = (await later.scheduler.listJobs({ schedule: 's', state: 'cancelled' })).jobs
    expect(skipped).toMatchObject({
      reason: 'stale',
      occurrence: { schedule: 's', due: before.start + 120_000 },
    })
    expect(runs.slice(1).map((run) => run.after + later.start - before.start)).toEqual([
      3 * HOUR + 120_000,
      3 * HOUR + 180_000,
    ])
  })

  test('after a short outage each missed run is made up, late, in order', async () => {
    const before = node()
    await before.scheduler.start()
    await before.scheduler.schedule('s', before.tick, { n: 1 }, { ...SECONDLY, scheduleValue: '0 * * * * *' })
    await before.scheduler.stop()
    await cluster.clock.advance(5 * 60_000 + 30_000)
    const later = node()
    await later.scheduler.start()
    await cluster.clock.advance(20_000)
    expect(runs.map((run) => run.after + later.start - before.start)).toEqual(
      [1, 2, 3, 4, 5].map((n) => n * 60_000),
    )
  })

  test('cancelling what is next skips that one run', async () => {
    const { scheduler, tick } = node()
    await scheduler.start()
    await scheduler.schedule('s', tick, { n: 1 }, { scheduleType: 'interval', scheduleValue: '10m' })
    const [next] = (await scheduler.listJobs({ schedule: 's' })).jobs
    await scheduler.cancelJob(next!.id)
    await cluster.clock.advance(31 * 60_000)
    expect(after()).toEqual([20 * 60_000, 30 * 60_000])
  })

  test('runs now, beside its schedule, also when that is disabled', async () => {
    const { scheduler, tick } = node()
    await scheduler.start()
    await scheduler.schedule('s', tick, { n: 4 }, { ...SECONDLY, enabled: false })
    await cluster.clock.advance(700)
    const id = await scheduler.runScheduleNow('s')
    await cluster.until(() => runs.length === 1, 100)
    expect(runs).toEqual([{ after: 700, data: 4 }])
    expect(await scheduler.getJob(id)).toMatchObject({ state: 'completed', occurrence: { schedule: 's' } })
    await expect(scheduler.runScheduleNow('nobody')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' })
  })

  test('a thousand schedules due at one instant: all run, with a number of calls that grows no faster than they do', async () => {
    const { scheduler, tick, network } = node()
    await scheduler.start()
    const count = 1_000
    const put = { scheduleType: 'interval', scheduleValue: '30s' } as const
    await Promise.all(Array.from({ length: count }, (_, n) => scheduler.schedule(`s${n}`, tick, { n }, put)))
    await cluster.clock.advance(29_000)
    network.calls.length = 0
    await cluster.until(() => runs.length === count, 30_000)
    expect(new Set(runs.map((run) => run.data)).size).toBe(count)
    expect(network.calls.filter((call) => call === 'list' || call === 'page').length).toBeLessThan(10)
    expect(network.calls.length).toBeLessThan(count * 10)
  })
})
