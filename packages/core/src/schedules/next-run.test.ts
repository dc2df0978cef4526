import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ScheduleInvalidError } from '../errors/sched-error.ts'
import { checkTiming, nextRun, sameTiming, type TimingOptions } from './next-run.ts'
import { previewRuns } from './preview.ts'

const T = Date.parse('2026-06-01T00:00:00Z')

describe('checkTiming', () => {
  it.each<[TimingOptions, string | number]>([
    [{ scheduleType: 'cron', scheduleValue: ' 0  0 * * * ' }, '0 0 * * *'],
    [{ scheduleType: 'interval', scheduleValue: '5m' }, 300_000],
    [{ scheduleType: 'interval', scheduleValue: 10 }, 10],
    [{ scheduleType: 'once', scheduleValue: new Date(T) }, T],
    [{ scheduleType: 'once', scheduleValue: T }, T],
    [{ scheduleType: 'once', scheduleValue: '2026-06-01T02:00:00+02:00' }, T],
    [{ scheduleType: 'once', scheduleValue: '2026-06-01T02:00+0200' }, T],
    [{ scheduleType: 'once', scheduleValue: '2026-06-01T00:00:00.25Z' }, T + 250],
    [{ scheduleType: 'once', scheduleValue: '2026-06-01' }, T],
    [{ scheduleType: 'once', scheduleValue: '2026-06-01T02:00', timeZone: 'Europe/Paris' }, T],
    [
      { scheduleType: 'once', scheduleValue: '2026-10-25T02:30', timeZone: 'Europe/Paris' },
      Date.parse('2026-10-25T00:30:00Z'),
    ],
    [
      { scheduleType: 'once', scheduleValue: '2026-03-29T02:30', timeZone: 'Europe/Paris' },
      Date.parse('2026-03-29T01:30:00Z'),
    ],
  ])('normalises %j', (options, value) => {
    expect(checkTiming(options)).toEqual({
      scheduleType: options.scheduleType,
      scheduleValue: value,
      timeZone: options.timeZone ?? 'UTC',
    })
  })

  it.each<[TimingOptions, string]>([
    [{ scheduleType: 'interval', scheduleValue: 9 }, 'interval 9 is shorter than 10 ms'],
    [{ scheduleType: 'interval', scheduleValue: 'daily' }, 'interval: "daily" is no length of time'],
    [{ scheduleType: 'interval', scheduleValue: new Date(T) }, 'is no length of time'],
    [{ scheduleType: 'once', scheduleValue: '2026-02-30' }, 'once "2026-02-30" is no instant'],
    [{ scheduleType: 'once', scheduleValue: 'tomorrow' }, 'once "tomorrow" is no instant'],
    [{ scheduleType: 'once', scheduleValue: '2026-06-01T10:00+99:00' }, 'is no instant'],
    [{ scheduleType: 'once', scheduleValue: Number.NaN }, 'once NaN is no instant'],
    [{ scheduleType: 'once', scheduleValue: new Date(Number.NaN) }, 'is no instant'],
    [
      { scheduleType: 'cron', scheduleValue: '0 0 * * *', timeZone: 'Mars/X' },
      'time zone "Mars/X" is not known',
    ],
    [{ scheduleType: 'cron', scheduleValue: '0 0 * * *', timeZone: '+02:00' }, 'use an IANA name'],
    [{ scheduleType: 'cron', scheduleValue: '0 0 * * *', timeZone: '' }, 'time zone "" is not known'],
    [{ scheduleType: 'weekly' as 'cron', scheduleValue: 'x' }, 'scheduleType "weekly" is not one of'],
  ])('refuses %j', (options, message) => {
    expect(() => checkTiming(options)).toThrow(ScheduleInvalidError)
    expect(() => checkTiming(options)).toThrow(message)
  })

  it('tells timings apart', () => {
    const a = checkTiming({ scheduleType: 'interval', scheduleValue: '1m' })
    expect(sameTiming(a, checkTiming({ scheduleType: 'interval', scheduleValue: 60_000 }))).toBe(true)
    expect(sameTiming(a, checkTiming({ scheduleType: 'interval', scheduleValue: '2m' }))).toBe(false)
    expect(sameTiming(a, { ...a, timeZone: 'Europe/Paris' })).toBe(false)
  })
})

describe('nextRun', () => {
  const every = checkTiming({ scheduleType: 'interval', scheduleValue: '5m' })

  it('keeps intervals on their anchor, however late it is asked', () => {
    expect(nextRun(every, T, T)).toBe(T + 300_000)
    expect(nextRun(every, T, T + 299_999)).toBe(T + 300_000)
    expect(nextRun(every, T, T + 300_000)).toBe(T + 600_000)
    expect(nextRun(every, T, T + 300_000.5)).toBe(T + 600_000)
    expect(nextRun(every, T, T - 10_000_000)).toBe(T + 300_000)
  })

  it('intervals strictly grow and stay on the grid', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 10_000_000_000 }),
        fc.integer({ min: 0, max: 4_000_000_000_000 }),
        fc.integer({ min: 0, max: 4_000_000_000_000 }),
        (ms, anchor, after) => {
          const next = nextRun({ ...every, scheduleValue: ms }, anchor, after)!
          expect(next).toBeGreaterThan(after)
          expect((next - anchor) % ms).toBe(0)
          if (after >= anchor) expect(next - ms).toBeLessThanOrEqual(after)
        },
      ),
    )
  })

  it('ends where Dates end', () => {
    expect(nextRun({ ...every, scheduleValue: 8_640_000_000_000_000 }, T, T)).toBeNull()
  })

  it('fires once, never at or before the instant given', () => {
    const once = checkTiming({ scheduleType: 'once', scheduleValue: T })
    expect(nextRun(once, 0, T - 1)).toBe(T)
    expect(nextRun(once, 0, T)).toBeNull()
    expect(nextRun(once, 0, T + 1)).toBeNull()
  })

  it('refuses a type that an older or newer version wrote', () => {
    expect(() => nextRun({ ...every, scheduleType: 'moon' as 'cron' }, 0, 0)).toThrow('"moon" is not one of')
  })
})

describe('previewRuns', () => {
  it('gives the next instants, fewer when none are left', () => {
    const daily = checkTiming({ scheduleType: 'cron', scheduleValue: '0 0 * * *' })
    expect(previewRuns(daily, 0, T, 3)).toEqual([T + 86_400_000, T + 2 * 86_400_000, T + 3 * 86_400_000])
    expect(previewRuns(daily, 0, T, 0)).toEqual([])
    expect(previewRuns(checkTiming({ scheduleType: 'once', scheduleValue: T + 1 }), 0, T, 3)).toEqual([T + 1])
  })

  it.each([-1, 1.5, Number.NaN, 1_001])('refuses a count of %d', (count) => {
    const daily = checkTiming({ scheduleType: 'cron', scheduleValue: '0 0 * * *' })
    expect(() => previewRuns(daily, 0, T, count)).toThrow(`preview: ${count} is not a whole number`)
  })
})
