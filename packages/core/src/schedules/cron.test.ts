import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ScheduleInvalidError } from '../errors/sched-error.ts'
import { checkCron, nextCron } from './cron.ts'

const utc = (text: string) => Date.parse(text)
function runs(expression: string, timeZone: string, after: string, count: number): string[] {
  const found: string[] = []
  for (let last = utc(after); found.length < count; ) {
    const next = nextCron(expression, timeZone, last)
    if (next === null) break
    found.push(new Date(next).toISOString())
    last = next
  }
  return found
}

describe('checkCron', () => {
  it.each([
    ['61 * * * *', 'cron "61 * * * *": minute 61 is outside 0–59'],
    ['60 * * * * *', 'cron "60 * * * * *": second 60 is outside 0–59'],
    ['* 25 * * *', 'cron "* 25 * * *": hour 25 is outside 0–23'],
    ['* * 0 * *', 'cron "* * 0 * *": day 0 is outside 1–31'],
    ['* * 1,32 * *', 'cron "* * 1,32 * *": day 32 is outside 1–31'],
    ['* * * 1-13 *', 'cron "* * * 1-13 *": month 13 is outside 1–12'],
    ['* * * * 8', 'cron "* * * * 8": weekday 8 is outside 0–7'],
    ['0 22-2 * * *', 'cron "0 22-2 * * *": hour 22-2 runs backwards: write 22-23,0-2'],
    ['*/0 * * * *', 'cron "*/0 * * * *": minute */0: the step 0 is outside 1–59'],
    ['*/90 * * * *', 'cron "*/90 * * * *": minute */90: the step 90 is outside 1–59'],
    ['10/5 * * * *', 'cron "10/5 * * * *": minute 10/5: a step needs a range: write 10-59/5'],
    ['* * * FOO *', 'cron "* * * FOO *": month "FOO" is not understood: use 1–12 or JAN–DEC'],
    ['0 0 * * FRI-MON', 'weekday "FRI-MON" is not understood: use 0–7 or SUN–SAT'],
    ['1,,2 * * * *', 'minute "1,,2" is not understood'],
    ['-1 * * * *', 'minute "-1" is not understood'],
    ['1.5 * * * *', 'minute "1.5" is not understood'],
    [
      '* * *',
      'cron "* * *": 3 fields instead of 5 (minute hour day month weekday) or 6 (with seconds first)',
    ],
    ['* * * * * * 2030', '7 fields instead of 5'],
    ['', '0 fields instead of 5'],
    ['@reboot', 'the nicknames are @hourly, @daily, @weekly, @monthly and @yearly'],
    ['0 0 30 2 *', 'cron "0 0 30 2 *" never fires'],
    ['0 0 31 4,6,9,11 *', 'never fires'],
  ])('%j is refused with the culprit', (expression, message) => {
    expect(() => checkCron(expression)).toThrow(ScheduleInvalidError)
    expect(() => checkCron(expression)).toThrow(message)
  })

  it('refuses what is no text', () => {
    expect(() => checkCron(5)).toThrow('cron 5 is not a text')
  })

  it.each([
    ' 0   0 * * * ',
    '0 0 L * *',
    '0 0 LW * *',
    '0 0 15W * *',
    '0 0 * * 5#2',
    '0 0 * * 5L',
    '0 0 * JAN-MAR,DEC MON-FRI',
    '*/10 * * * * *',
    '0 0 29 2 +MON',
    '@daily',
    '0 0 * * 7',
  ])('%j is accepted', (expression) => {
    expect(checkCron(expression)).toBe(expression.trim().replace(/\s+/g, ' '))
  })
})

describe('nextCron', () => {
  it('is strictly after the instant given, also between two seconds and before 1970', () => {
    expect(nextCron('* * * * * *', 'UTC', 1000)).toBe(2000)
    expect(nextCron('* * * * * *', 'UTC', 999)).toBe(1000)
    expect(nextCron('* * * * * *', 'UTC', 1999.9)).toBe(2000)
    expect(nextCron('* * * * * *', 'UTC', -1500)).toBe(-1000)
  })

  it('reads six fields with the seconds first', () => {
    expect(runs('15 30 9 * * MON', 'UTC', '2026-01-01T00:00:00Z', 2)).toEqual([
      '2026-01-05T09:30:15.000Z',
      '2026-01-12T09:30:15.000Z',
    ])
  })

  it('takes either day or weekday when both are restricted, and both with +', () => {
    expect(runs('0 0 1 * MON', 'UTC', '2026-01-01T00:00:00Z', 2)).toEqual([
      '2026-01-05T00:00:00.000Z',
      '2026-01-12T00:00:00.000Z',
    ])
    expect(runs('0 0 1 * +MON', 'UTC', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-06-01T00:00:00.000Z'])
  })

  it('finds the leap day beyond a century that has none', () => {
    expect(runs('0 0 29 2 *', 'UTC', '2096-03-01T00:00:00Z', 1)).toEqual(['2104-02-29T00:00:00.000Z'])
  })

  it.each([
    // In Paris 02:00–03:00 does not exist on 29 March 2026, and comes twice on 25 October 2026.
    [
      'fixed time in the gap: first instant after it',
      '30 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
    ],
    [
      'rhythm in the gap: skipped',
      '*/30 2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-30T00:00:00.000Z', '2026-03-30T00:30:00.000Z'],
    ],
    [
      'fixed time that comes twice: the first',
      '30 2 * * *',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
    ],
    [
      'rhythm that comes twice: both',
      '*/30 2 * * *',
      '2026-10-24T12:00:00Z',
      [
        '2026-10-25T00:00:00.000Z',
        '2026-10-25T00:30:00.000Z',
        '2026-10-25T01:00:00.000Z',
        '2026-10-25T01:30:00.000Z',
        '2026-10-26T01:00:00.000Z',
      ],
    ],
    [
      'a list of hours is a rhythm: in the gap skipped',
      '30 1,2 * * *',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T00:30:00.000Z', '2026-03-29T23:30:00.000Z', '2026-03-30T00:30:00.000Z'],
    ],
    [
      'a list of hours is a rhythm: what comes twice fires twice',
      '30 2,3 * * *',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z', '2026-10-25T02:30:00.000Z'],
    ],
    [
      'every hour: every hour',
      '0 * * * *',
      '2026-10-24T23:30:00Z',
      ['2026-10-25T00:00:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T02:00:00.000Z'],
    ],
  ])('%s', (_, expression, after, expected) => {
    expect(runs(expression, 'Europe/Paris', after, expected.length)).toEqual(expected)
  })
})

const ZONES = [
  'Europe/Paris',
  'America/New_York',
  'America/Sao_Paulo',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Asia/Tehran',
  'Pacific/Chatham',
  'America/St_Johns',
]

function fieldOf(min: number, max: number) {
  const n = fc.integer({ min, max })
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    { weight: 3, arbitrary: n.map(String) },
    { weight: 1, arbitrary: fc.tuple(n, n).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: Math.max(2, max >> 1) }).map((step) => `*/${step}`) },
    { weight: 1, arbitrary: fc.uniqueArray(n, { minLength: 2, maxLength: 3 }).map((list) => list.join(',')) },
  )
}
const zone = fc.constantFrom(...ZONES)
const instant = fc.integer({ min: utc('2000-01-01T00:00:00Z'), max: utc('2040-01-01T00:00:00Z') })

describe('nextCron by property', () => {
  const expression = fc
    .tuple(fieldOf(0, 59), fieldOf(0, 59), fieldOf(0, 23), fieldOf(1, 28), fieldOf(1, 12), fieldOf(0, 6))
    .map((fields) => fields.join(' '))

  it('strictly grows through every change of the clocks', () => {
    fc.assert(
      fc.property(expression, zone, instant, (cron, timeZone, start) => {
        let last = start
        for (let i = 0; i < 12; i++) {
          const next = nextCron(cron, timeZone, last)
          expect(next).not.toBeNull()
          expect(next!).toBeGreaterThan(last)
          expect(next! % 1000).toBe(0)
          // asked from anywhere before, the answer is the same: nobody's clock can make another occurrence of it
          const between = last + Math.floor((next! - last) / 2)
          if (between > last && between < next!) expect(nextCron(cron, timeZone, between)).toBe(next)
          last = next!
        }
      }),
      { numRuns: 300 },
    )
  })

  it('fires at every minute whose wall clock matches a rhythm, and at no other', () => {
    const list = (max: number) => fc.uniqueArray(fc.integer({ min: 0, max }), { minLength: 2, maxLength: 8 })
    const nearAChange = fc.constantFrom(
      '2026-03-08',
      '2026-03-29',
      '2026-04-05',
      '2026-09-27',
      '2026-10-04',
      '2026-10-25',
      '2026-11-01',
      '2018-11-04',
      '2018-02-18',
      '2021-03-22',
      '2021-09-22',
    )
    fc.assert(
      fc.property(list(59), list(23), zone, nearAChange, (minutes, hours, timeZone, day) => {
        const wall = new Intl.DateTimeFormat('en', {
          timeZone,
          hour: 'numeric',
          minute: 'numeric',
          hourCycle: 'h23',
        })
        const from = utc(`${day}T00:00:00Z`) - 12 * 3_600_000
        const expected: number[] = []
        for (let at = from + 60_000; at <= from + 48 * 3_600_000; at += 60_000) {
          const parts = wall.formatToParts(at)
          const read = (type: string) => Number(parts.find((part) => part.type === type)!.value)
          if (hours.includes(read('hour')) && minutes.includes(read('minute'))) expected.push(at)
        }
        const cron = `${minutes.join(',')} ${hours.join(',')} * * *`
        const found: number[] = []
        for (
          let at = nextCron(cron, timeZone, from)!;
          at <= from + 48 * 3_600_000;
          at = nextCron(cron, timeZone, at)!
        )
          found.push(at)
        expect(found).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  it('fires a fixed time of day once on every day', () => {
    fc.assert(
      fc.property(fc.nat(59), fc.nat(23), zone, instant, (minute, hour, timeZone, start) => {
        const days = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' })
        let last = nextCron(`${minute} ${hour} * * *`, timeZone, start)!
        for (let i = 0; i < 200; i++) {
          const next = nextCron(`${minute} ${hour} * * *`, timeZone, last)!
          const between = Math.round(
            (Date.parse(days.format(next)) - Date.parse(days.format(last))) / 86_400_000,
          )
          expect(between).toBe(1)
          last = next
        }
      }),
      { numRuns: 30 },
    )
  })
})
