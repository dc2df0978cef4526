import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { parseDuration } from './duration.ts'

describe('parseDuration', () => {
  it.each([
    ['250ms', 250],
    ['10s', 10_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['2w', 1_209_600_000],
    ['1h30m', 5_400_000],
    ['1h 30m 5s 7ms', 5_405_007],
    ['1.5h', 5_400_000],
    ['0.5s', 500],
    [' 5m ', 300_000],
    ['0s', 0],
    [0, 0],
    [1500, 1500],
    [0.1 * 3 * 1000, 300],
  ])('reads %j as %d ms', (value, ms) => {
    expect(parseDuration(value, 'delay')).toBe(ms)
  })

  it.each([
    '',
    ' ',
    '5',
    '5 m',
    'm',
    '5M',
    '-5m',
    '+5m',
    '5m5m',
    '1h!',
    '5min',
    '1.m',
    '.5h',
    '1e3ms',
    '999999999999w',
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
  ])('refuses %j by name, with the accepted forms', (value) => {
    expect(() => parseDuration(value, 'expiresIn')).toThrow(InvalidArgumentError)
    expect(() => parseDuration(value, 'expiresIn')).toThrow(
      `expiresIn: ${typeof value === 'string' ? JSON.stringify(value) : value} is no length of time`,
    )
    expect(() => parseDuration(value, 'expiresIn')).toThrow('"1h30m"')
  })

  it.each([undefined, null, {}, 5n, new Date(0)])('refuses %s, which no type allows', (value) => {
    expect(() => parseDuration(value as unknown as string, 'delay')).toThrow('delay:')
  })

  it('reads back any sum it is given', () => {
    const part = fc.nat(10_000)
    fc.assert(
      fc.property(part, part, part, part, (h, m, s, ms) => {
        expect(parseDuration(`${h}h${m}m${s}s${ms}ms`, 'x')).toBe(h * 3_600_000 + m * 60_000 + s * 1_000 + ms)
      }),
    )
  })

  it('takes time proportional to the text for hostile input', () => {
    expect(() => parseDuration(`${'1s'.repeat(50_000)}!`, 'x')).toThrow(InvalidArgumentError)
  })
})
