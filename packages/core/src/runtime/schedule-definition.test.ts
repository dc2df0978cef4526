import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ScheduleRecord } from '../contracts/schedule-store.ts'
import {
  advancedSchedule,
  changedSchedule,
  createdSchedule,
  defineSchedule,
  jobOptionsOf,
  type ScheduleOptions,
  switchedSchedule,
} from './schedule-definition.ts'

const T = Date.parse('2026-06-01T12:00:30Z')
const MINUTE = 60_000
const moment = (now = T, version = 'v2') => ({ now, staleAgeMs: 60 * MINUTE, version })
const minutely: ScheduleOptions = { scheduleType: 'cron', scheduleValue: '* * * * *' }
const define = (more: Partial<ScheduleOptions> = {}, type = 'report', payload: unknown = { a: 1 }) =>
  defineSchedule('s', type, payload, { ...minutely, ...more })
const stored = (more: Partial<ScheduleRecord> = {}): ScheduleRecord => ({
  ...createdSchedule(define(), moment(T, 'v1')),
  rev: 100,
  ...more,
})

describe('a new schedule', () => {
  it('fires first at the first instant after now', () => {
    expect(createdSchedule(define({ jobOptions: { priority: 3 } }), moment(T + 0.25, 'v1'))).toEqual({
      name: 's',
      type: 'report',
      payload: { a: 1 },
      scheduleType: 'cron',
      scheduleValue: '* * * * *',
      timeZone: 'UTC',
      state: 'active',
      next: T + 30_000,
      passed: null,
      version: 'v1',
      anchor: T,
      createdAt: T,
      updatedAt: T,
      options: { job: { priority: 3 } },
      rev: 0,
    })
  })

  it('anchors an interval at its creation', () => {
    const record = createdSchedule(define({ scheduleType: 'interval', scheduleValue: '5m' }), moment())
    expect(record).toMatchObject({ anchor: T, next: T + 5 * MINUTE })
  })

  it('may start inactive', () => {
    expect(createdSchedule(define({ enabled: false }), moment())).toMatchObject({
      state: 'inactive',
      next: null,
    })
  })

  it('runs a single instant that has just gone by, and refuses one that is stale', () => {
    const once = (at: number) => define({ scheduleType: 'once', scheduleValue: at })
    expect(createdSchedule(once(T - 60 * MINUTE), moment()).next).toBe(T - 60 * MINUTE)
    expect(() => createdSchedule(once(T - 60 * MINUTE - 1), moment())).toThrow(
      'schedule "s" never fires: once 2026-06-01T11:00:29.999Z is more than 3600000 ms (scheduledJobMaxStaleAge) ago',
    )
  })

  it('keeps a copy of its payload, checked', () => {
    const payload = { at: new Date(5) }
    const definition = define({}, 'report', payload)
    payload.at.setTime(0)
    expect(definition.payload).toEqual({ at: new Date(5) })
    expect(() => define({}, 'report', { list: [1, () => 0] })).toThrow('payload.list[1]')
    expect(defineSchedule('s', 'report', undefined, minutely).payload).toBeNull()
  })
})

describe('an existing schedule put again', () => {
  it('stays untouched by the same definition, whenever it comes', () => {
    expect(changedSchedule(stored(), define(), moment(T + 5 * MINUTE))).toBeUndefined()
    expect(changedSchedule(stored(), define({ enabled: true, timeZone: 'UTC' }), moment())).toBeUndefined()
    expect(changedSchedule(stored(), define({ scheduleValue: ' *  * * * *' }), moment())).toBeUndefined()
    const interval = define({ scheduleType: 'interval', scheduleValue: '5m' })
    const was = { ...createdSchedule(interval, moment()), rev: 1 }
    expect(changedSchedule(was, interval, moment(T + 7))).toBeUndefined()
  })

  it('takes another payload without touching what is next or its id', () => {
    const changed = changedSchedule(stored({ next: T - 1 }), define({}, 'report', { a: 2 }), moment())
    expect(changed).toEqual({ ...stored({ next: T - 1 }), payload: { a: 2 }, updatedAt: T })
  })

  it.each<[string, Partial<ScheduleOptions>, string]>([
    ['another job type', {}, 'other'],
    ['other job options', { jobOptions: { priority: 9 } }, 'report'],
  ])('takes %s at the same instant under another id', (_, options, type) => {
    const changed = changedSchedule(stored({ next: T - 1 }), define(options, type), moment())!
    expect(changed).toMatchObject({ next: T - 1, type, version: 'v2' })
    expect(jobOptionsOf(changed)).toEqual(options.jobOptions ?? {})
  })

  it('starts a new timing at its first instant after now, also before the old next', () => {
    const daily = stored({ scheduleValue: '0 0 * * *', next: Date.parse('2026-06-02T00:00:00Z') })
    expect(changedSchedule(daily, define(), moment())).toMatchObject({ next: T + 30_000, version: 'v2' })
  })

  it('anchors a new interval at the change', () => {
    const changed = changedSchedule(
      stored(),
      define({ scheduleType: 'interval', scheduleValue: 1_000 }),
      moment(T + 7),
    )
    expect(changed).toMatchObject({ anchor: T + 7, next: T + 1_007 })
  })

  it('never goes back to an instant that was passed, when the clock seems to', () => {
    const passed = T + 30_000
    const was = stored({ passed, next: passed + MINUTE })
    expect(changedSchedule(was, define({ scheduleValue: '0 * * * * *' }), moment(T))!.next).toBe(
      passed + MINUTE,
    )
    expect(switchedSchedule({ ...was, state: 'inactive', next: null }, 'active', moment(T))!.next).toBe(
      passed + MINUTE,
    )
    const once = define({ scheduleType: 'once', scheduleValue: passed })
    expect(changedSchedule(was, once, moment(T))!.next).toBeNull()
  })

  it('stays disabled unless asked to be enabled', () => {
    const off = stored({ state: 'inactive', next: null })
    expect(changedSchedule(off, define(), moment())).toBeUndefined()
    expect(changedSchedule(off, define({ scheduleValue: '0 0 * * *' }), moment())).toMatchObject({
      state: 'inactive',
      next: null,
    })
    expect(changedSchedule(off, define({ enabled: true }), moment())).toMatchObject({
      state: 'active',
      next: T + 30_000,
      version: 'v2',
    })
    expect(changedSchedule(stored(), define({ enabled: false }), moment())).toMatchObject({
      state: 'inactive',
      next: null,
    })
  })
})

describe('switching', () => {
  it('takes back what is next, and sets it anew', () => {
    const off = switchedSchedule(stored(), 'inactive', moment(T))!
    expect(off).toMatchObject({ state: 'inactive', next: null, updatedAt: T })
    expect(switchedSchedule({ ...off, rev: 101 }, 'active', moment(T + MINUTE))).toMatchObject({
      state: 'active',
      next: T + 90_000,
      version: 'v2',
    })
  })

  it('changes nothing that is so already', () => {
    expect(switchedSchedule(stored(), 'active', moment(T))).toBeUndefined()
    expect(switchedSchedule(stored({ state: 'inactive' }), 'inactive', moment(T))).toBeUndefined()
  })
})

describe('advancing', () => {
  it('goes to the next instant, or over those that are missed', () => {
    const due = T + 30_000
    expect(advancedSchedule(stored(), due)).toMatchObject({ passed: due, next: due + MINUTE })
    expect(advancedSchedule(stored(), due, due + 10 * MINUTE)).toMatchObject({
      passed: due,
      next: due + 11 * MINUTE,
    })
  })

  it('whatever happens in whatever order, next stays after everything passed and only grows past it', () => {
    const step = fc.oneof(
      fc.constant({ do: 'advance' as const }),
      fc.constant({ do: 'disable' as const }),
      fc.constant({ do: 'enable' as const }),
      fc
        .constantFrom('* * * * *', '*/2 * * * *', '*/10 * * * * *')
        .map((cron) => ({ do: 'put' as const, cron })),
      // clocks of several hosts differ a little, so that now may seem to go back
      fc.integer({ min: -2_000, max: 90_000 }).map((by) => ({ do: 'wait' as const, by })),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let now = T
        let record = stored()
        const fired: number[] = []
        for (const one of steps) {
          const before = record
          if (one.do === 'wait') now += one.by
          else if (one.do === 'advance') {
            if (record.next === null || record.next > now + 2_000) continue
            fired.push(record.next)
            record = advancedSchedule(record, record.next)
          } else if (one.do === 'put') {
            record = changedSchedule(record, define({ scheduleValue: one.cron }), moment(now)) ?? record
          } else
            record =
              switchedSchedule(record, one.do === 'enable' ? 'active' : 'inactive', moment(now)) ?? record
          if (record !== before) record = { ...record, rev: before.rev + 1 }
          if (record.next !== null)
            expect(record.next).toBeGreaterThan(record.passed ?? Number.NEGATIVE_INFINITY)
          expect(record.next === null).toBe(record.state === 'inactive')
        }
        expect(fired).toEqual([...new Set(fired)].sort((a, b) => a - b))
      }),
    )
  })
})
