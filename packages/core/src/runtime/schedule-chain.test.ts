import { beforeEach, describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../contracts/job-store.ts'
import { UnavailableError } from '../errors/sched-error.ts'
import type { Logger } from '../telemetry/logger.ts'
import { occurrenceId } from './occurrence.ts'
import type { ScheduleOptions } from './schedule-definition.ts'
import type { ScheduleRunner } from './schedule-runner.ts'
import { intercepted, noted, type RunnerOptions, ScheduleWorld } from './schedule-world.test-support.ts'

const SECONDLY: ScheduleOptions = { scheduleType: 'cron', scheduleValue: '* * * * * *' }
const HOUR = 3_600_000
const T = 1_000_000

let world: ScheduleWorld
let calls: string[]
let runner: ScheduleRunner
const direct = (options: RunnerOptions = {}) => world.direct(options)
const pending = () => world.pending()
const claimNext = (name = 's') => world.claimNext(name)

beforeEach(() => {
  world = new ScheduleWorld()
  calls = []
  runner = world.direct({ wrap: (port) => noted(port, calls) })
})

describe('begin', () => {
  it('moves the schedule on and runs with the payload of that moment, in four calls', async () => {
    await runner.put('s', 'report', { a: 1 }, SECONDLY)
    const claimed = claimNext()
    await runner.put('s', 'report', { a: 2 }, SECONDLY)
    calls.length = 0
    expect(await runner.begin(claimed)).toEqual({ run: true, payload: { a: 2 } })
    expect(calls).toEqual(['get', 'compareAndSet', 'compareAndSet', 'insert'])
    expect(world.peek('s')).toMatchObject({ passed: T + 1_000, next: T + 2_000 })
    expect(pending().map(([, runAt]) => runAt)).toEqual([T + 2_000])
  })

  it('fires each of the instants that were missed within the stale age', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    world.now += 3_500
    expect((await runner.begin(claimNext())).run).toBe(true)
    expect(pending().map(([, runAt]) => runAt)).toEqual([T + 2_000])
  })

  it('ends a single instant', async () => {
    await runner.put('s', 'report', 1, { scheduleType: 'once', scheduleValue: T + 5_000 })
    expect((await runner.begin(claimNext())).run).toBe(true)
    expect(world.peek('s')).toMatchObject({ state: 'active', next: null, passed: T + 5_000 })
    expect(pending()).toEqual([])
    await runner.sweep()
    expect(pending()).toEqual([])
  })

  it('skips what is older than the stale age, and goes on in the future', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    world.now = T + 1_000 + HOUR
    const late = claimNext()
    world.now += 1
    expect(await runner.begin(late)).toEqual({ run: false, reason: 'stale' })
    expect(pending().map(([, runAt]) => runAt)).toEqual([T + 2_000 + HOUR])
    await runner.ended(late, false)
    expect(world.marks()).toBe(0)
  })

  it('runs at exactly the stale age', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    world.now = T + 1_000 + HOUR
    expect((await runner.begin(claimNext())).run).toBe(true)
  })

  it.each<[string, (claimed: ClaimedJob) => Promise<unknown>, string]>([
    ['was disabled', () => runner.disable('s'), 'disabled'],
    ['was removed', () => runner.remove('s'), 'removed'],
    [
      'has another timing',
      () => runner.put('s', 'report', 1, { ...SECONDLY, scheduleValue: '0 0 * * *' }),
      'changed',
    ],
    ['makes other jobs', () => runner.put('s', 'other', 1, SECONDLY), 'changed'],
  ])('skips when the schedule %s', async (_, change, reason) => {
    await runner.put('s', 'report', 1, SECONDLY)
    const claimed = claimNext()
    await change(claimed)
    expect(await runner.begin(claimed)).toEqual({ run: false, reason })
    // what comes after it is as the change left it
    expect(pending()).toHaveLength(world.peek('s')?.next == null ? 0 : 1)
  })

  it.each<[string, () => Promise<unknown>, unknown]>([
    ['was disabled', () => runner.disable('s'), { a: 1 }],
    ['was removed', () => runner.remove('s'), { a: 1 }],
    ['makes other jobs', () => runner.put('s', 'other', { b: 2 }, SECONDLY), { a: 1 }],
    ['has another payload', () => runner.put('s', 'report', { a: 3 }, SECONDLY), { a: 3 }],
  ])('a retry runs again although the schedule %s meanwhile', async (_, change, payload) => {
    await runner.put('s', 'report', { a: 1 }, SECONDLY)
    const claimed = claimNext()
    await runner.begin(claimed)
    world.jobs.endLease(claimed.id)
    await change()
    expect(await direct().begin(world.jobs.claim(claimed.id))).toEqual({ run: true, payload })
  })

  it('a retry that comes later than marks are kept runs too; a first run does not', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    const failed = claimNext()
    await runner.begin(failed)
    await runner.ended(failed, false)
    world.jobs.endLease(failed.id)
    const never = claimNext()
    await runner.disable('s')
    world.now += 8 * 24 * HOUR
    expect(await runner.sweep()).toMatchObject({ marks: 1 })
    expect(world.marks()).toBe(0)
    expect((await runner.begin(world.jobs.claim(failed.id))).run).toBe(true)
    expect(await runner.begin(never)).toEqual({ run: false, reason: 'disabled' })
  })

  it('a job revived under a forgotten id does not take the place of the one that ran', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    const first = claimNext()
    const schedule = world.peek('s')!
    await runner.begin(first)
    const { job } = world.jobs.all.get(first.id)!
    world.jobs.forget(first.id)
    await world.jobs.port(async () => {}).insert([job])
    expect(await runner.begin(world.jobs.claim(occurrenceId(schedule, schedule.next!)))).toEqual({
      run: false,
      reason: 'changed',
    })
  })

  it('an instant that a job of the earlier form has taken is not fired again by one of the present form', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    const before = claimNext()
    const slow = world.runner('slow')
    const begun = slow.begin(before)
    await world.turns.step(() => 0) // it has read the schedule
    await runner.put('s', 'report', 1, { ...SECONDLY, jobOptions: { priority: 5 } })
    await world.turns.step(() => 0) // it has marked the instant
    expect(await runner.begin(claimNext())).toEqual({ run: false, reason: 'taken' })
    expect(await world.finish(begun)).toMatchObject({ run: true })
    expect(world.peek('s')!.next).toBe(T + 2_000)
  })

  it('without compare-and-set works', async () => {
    const weak = direct({ bare: true })
    await weak.put('s', 'report', 1, SECONDLY)
    const claimed = claimNext()
    expect((await weak.begin(claimed)).run).toBe(true)
    await weak.ended(claimed, true)
    expect(pending().map(([, runAt]) => runAt)).toEqual([T + 2_000])
  })
})

describe('a call that fails', () => {
  const CALLS = 4
  const cases = Array.from({ length: CALLS }, (_, at) =>
    ['before', 'after'].map((when) => [at, when] as const),
  )
  it.each(cases.flat())(
    'number %i of begin, %s it was applied: delivered again, the instant runs and the chain goes on',
    async (at, when) => {
      await runner.put('s', 'report', 1, SECONDLY)
      let count = 0
      const failing = async (_: string, call: () => unknown) => {
        const mine = count++ === at
        if (mine && when === 'before') throw new UnavailableError('the link is cut')
        const answer = await call()
        if (mine) throw new UnavailableError('the reply was lost', { ambiguous: true })
        return answer
      }
      const claimed = claimNext()
      await expect(direct({ wrap: (port) => intercepted(port, failing) }).begin(claimed)).rejects.toThrow(
        UnavailableError,
      )
      expect(count).toBe(at + 1)
      world.jobs.endLease(claimed.id)
      const again = world.jobs.claim(claimed.id)
      expect((await runner.begin(again)).run).toBe(true)
      await runner.ended(again, true)
      expect(pending().map(([, runAt]) => runAt)).toEqual([T + 2_000])
      expect(await direct().begin(claimNext())).toMatchObject({ run: true })
    },
  )

  it('of a job that alone is refused does not keep the present occurrence', async () => {
    const errors: string[] = []
    const logger: Logger = { debug() {}, info() {}, warn() {}, error: (text) => errors.push(text) }
    await runner.put('s', 'report', 1, SECONDLY)
    const refusing = <P extends object>(port: P): P =>
      'insert' in port ? { ...port, insert: async () => [new Error('too large')] } : port
    expect((await direct({ wrap: refusing, logger }).begin(claimNext())).run).toBe(true)
    expect(errors).toEqual(['schedule "s": its next occurrence cannot be enqueued'])
  })
})

describe('ended', () => {
  it('keeps the latest due instant that ran', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    const first = claimNext()
    await runner.begin(first)
    const later = claimNext()
    await runner.begin(later)
    await runner.ended(later, true)
    await runner.ended(first, true)
    expect(await runner.lastExecution('s')).toBe(T + 2_000)
  })

  it('keeps nothing of a job that was not allowed to run', async () => {
    await runner.put('s', 'report', 1, SECONDLY)
    const claimed = claimNext()
    await runner.disable('s')
    await runner.begin(claimed)
    await runner.ended(claimed, false)
    expect(await runner.lastExecution('s')).toBeNull()
  })

  it('leaves no mark once the schedule has had its form for a while, unless the job failed', async () => {
    await runner.put('s', 'report', 1, { scheduleType: 'interval', scheduleValue: '1m' })
    for (const completed of [true, true, true, false]) {
      const claimed = claimNext()
      await runner.begin(claimed)
      await runner.ended(claimed, completed)
    }
    // the first, which may have met an earlier form, and the failed one, which may be redriven
    expect(world.marks()).toBe(2)
  })
})
