import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { occurrenceId } from './occurrence.ts'
import type { ScheduleOptions } from './schedule-definition.ts'
import type { ScheduleRunner } from './schedule-runner.ts'
import { noted, type RunnerOptions, ScheduleWorld } from './schedule-world.test-support.ts'

const SECONDLY: ScheduleOptions = { scheduleType: 'cron', scheduleValue: '* * * * * *' }
const T = 1_000_000

let world: ScheduleWorld
let calls: string[]
let runner: ScheduleRunner
const direct = (options: RunnerOptions = {}) => world.direct(options)
const pending = () => world.pending()

beforeEach(() => {
  world = new ScheduleWorld()
  calls = []
  runner = world.direct({ wrap: (port) => noted(port, calls) })
})

describe('put', () => {
  it('creates the schedule and its first occurrence', async () => {
    const schedule = await runner.put('s', 'report', { a: 1 }, { ...SECONDLY, jobOptions: { priority: 3 } })
    expect(schedule).toMatchObject({
      name: 's',
      type: 'report',
      state: 'active',
      next: T + 1_000,
      passed: null,
    })
    expect([...world.jobs.all.values()].map((one) => one.job)).toEqual([
      {
        id: occurrenceId(schedule, T + 1_000),
        type: 'report',
        payload: { a: 1 },
        priority: 0,
        runAt: T + 1_000,
        occurrence: { schedule: 's', due: T + 1_000 },
        rememberMs: 600_000,
        options: { priority: 3 },
      },
    ])
  })

  it('of many processes at once makes one schedule and one occurrence, and again changes nothing', async () => {
    await Promise.all(Array.from({ length: 20 }, () => direct().put('s', 'report', 1, SECONDLY)))
    const first = world.peek('s')!
    expect(pending()).toHaveLength(1)
    world.now += 700
    calls.length = 0
    expect(await runner.put('s', 'report', 1, SECONDLY)).toEqual(first)
    expect(world.peek('s')).toEqual(first)
    expect(calls).toEqual(['get', 'insert'])
  })

  it('inserts what another put died before inserting', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    world.jobs.all.clear()
    await runner.put('s', 'report', 1, SECONDLY)
    expect(pending()).toHaveLength(1)
  })

  it('a new timing takes the future occurrence back and inserts its own, at once also when it is back where it was', async () => {
    const daily: ScheduleOptions = { scheduleType: 'cron', scheduleValue: '0 0 * * *' }
    await runner.put('s', 'report', 1, daily)
    const midnight = 86_400_000
    expect(pending().map(([, runAt]) => runAt)).toEqual([midnight])
    await runner.put('s', 'report', 1, SECONDLY)
    expect(pending().map(([, runAt]) => runAt)).toEqual([T + 1_000])
    await runner.put('s', 'report', 1, daily)
    expect(pending().map(([, runAt]) => runAt)).toEqual([midnight])
  })

  it.each([
    ['', 'the name of the schedule must not be empty'],
    ['a\0b', 'NUL'],
    ['\ud800', 'lone surrogate'],
    ['é'.repeat(257), 'at most 512 bytes'],
  ])('refuses the name %j', async (name, message) => {
    await expect(runner.put(name, 'report', 1, SECONDLY)).rejects.toThrow(message)
    expect(calls).toEqual([])
  })

  it('refuses a bad timing or payload before it writes anything', async () => {
    await expect(runner.put('s', 'report', 1, { ...SECONDLY, scheduleValue: '61 * * * *' })).rejects.toThrow(
      'cron "61 * * * *": minute 61 is outside 0–59',
    )
    await expect(runner.put('s', 'report', () => 0, SECONDLY)).rejects.toThrow('payload: a function')
    expect(calls).toEqual([])
  })

  it('never makes one id of two names, versions and instants', () => {
    const name = fc.string({ unit: fc.constantFrom('a', ':', '1', 'now', 'occurrence:'), minLength: 1 })
    const one = fc.record({ name, version: fc.constantFrom('v1', 'v2'), due: fc.nat(20) })
    fc.assert(
      fc.property(one, one, (a, b) => {
        const same = a.name === b.name && a.version === b.version && a.due === b.due
        expect(occurrenceId(a, a.due) === occurrenceId(b, b.due)).toBe(same)
      }),
    )
  })
})

describe('managing', () => {
  it('disables, enables, and removes, with the future occurrence taken back each time', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    expect(await runner.disable('s')).toMatchObject({ state: 'inactive', next: null })
    expect(pending()).toEqual([])
    world.now += 5_500
    expect(await runner.enable('s')).toMatchObject({ state: 'active', next: T + 6_000 })
    expect(pending().map(([, runAt]) => runAt)).toEqual([T + 6_000])
    expect(await runner.enable('s')).toEqual(world.peek('s'))
    expect(await runner.remove('s')).toBe(true)
    expect(pending()).toEqual([])
    expect(await runner.get('s')).toBeNull()
    expect(await runner.remove('s')).toBe(false)
  })

  it('disabled and enabled within one interval fires at the same instant, under another id', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    const before = pending()
    await runner.disable('s')
    await runner.enable('s')
    expect(pending().map(([, runAt]) => runAt)).toEqual([T + 1_000])
    expect(pending()).not.toEqual(before)
  })

  it.each(['enable', 'disable', 'preview', 'runNow'] as const)(
    '%s of what is not there rejects',
    async (what) => {
      await expect(runner[what]('missing')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' })
    },
  )

  it('lists every schedule', async () => {
    expect(await runner.list()).toEqual([])
    await runner.put('b', 'report', 1, SECONDLY)
    await runner.put('a', 'report', 1, SECONDLY)
    expect((await runner.list()).map((one) => one.name)).toEqual(['a', 'b'])
  })

  it('previews from what is next, or from what would be', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    world.now += 10_000
    expect(await runner.preview('s', 2)).toEqual([T + 1_000, T + 2_000])
    await runner.disable('s')
    expect(await runner.preview('s', 2)).toEqual([T + 11_000, T + 12_000])
    await runner.put('once', 'report', 1, { scheduleType: 'once', scheduleValue: T + 60_000 })
    expect(await runner.preview('once')).toEqual([T + 60_000])
    await expect(runner.preview('s', -1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('runs now, whatever the schedule says, and leaves it as it is', async () => {
    const before = await runner.put('s', 'report', { a: 1 }, { ...SECONDLY, enabled: false })
    const id = await runner.runNow('s')
    const claimed = world.jobs.claim(id)
    expect(claimed.occurrence).toEqual({ schedule: 's', due: T })
    expect(await runner.begin(claimed)).toEqual({ run: true, payload: { a: 1 } })
    await runner.ended(claimed, true)
    expect(world.peek('s')).toEqual(before)
    expect(await runner.runNow('s')).not.toBe(id)
  })
})
