import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffDelay, DEFAULT_BACKOFF, readBackoff, readStoredBackoff } from './backoff.ts'

const none = (): number => 0
const waits = (strategy: Parameters<typeof readBackoff>[0], count: number): number[] =>
  Array.from({ length: count }, (_, i) =>
    backoffDelay(readBackoff(strategy, 'b'), i + 1, new Error('x'), none),
  )

test('exponential starts at 10 s, doubles and stays at one hour', () => {
  expect(waits('exponential', 11)).toEqual([
    10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_560_000, 3_600_000, 3_600_000,
  ])
  expect(backoffDelay(DEFAULT_BACKOFF, 5_000, undefined, none)).toBe(3_600_000)
})

test('linear is a constant 10 s', () => {
  expect(waits('linear', 3)).toEqual([10_000, 10_000, 10_000])
})

test('own delays, as numbers and as text', () => {
  expect(waits({ type: 'exponential', delay: '1s', maxDelay: '3s' }, 4)).toEqual([1_000, 2_000, 3_000, 3_000])
  expect(waits({ type: 'linear', delay: 250 }, 2)).toEqual([250, 250])
})

test('jitter only shortens, by at most its share', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (jitter, chance) => {
        const ms = backoffDelay({ ...DEFAULT_BACKOFF, jitter }, 2, undefined, () => chance)
        expect(ms).toBeLessThanOrEqual(20_000)
        expect(ms).toBeGreaterThanOrEqual(Math.floor(20_000 * (1 - jitter)))
      },
    ),
  )
  expect(backoffDelay({ ...DEFAULT_BACKOFF, jitter: 0.5 }, 1, undefined, () => 0.5)).toBe(7_500)
})

test('a function gets the failures and the error; one that throws or answers nonsense falls back to the default', () => {
  const seen: unknown[] = []
  const error = new Error('boom')
  const own = (failures: number, thrown: unknown): number => {
    seen.push(failures, thrown)
    return failures * 7
  }
  const ms = backoffDelay(own, 3, error, none)
  expect([ms, seen]).toEqual([21, [3, error]])
  for (const answer of [Number.NaN, -1, Number.POSITIVE_INFINITY, 'soon' as unknown as number])
    expect(backoffDelay(() => answer, 2, error, none)).toBe(20_000)
  const broken = (): number => {
    throw error
  }
  expect(backoffDelay(broken, 1, error, none)).toBe(10_000)
})

test('what is not a strategy is refused with the name of the option', () => {
  expect(() => readStoredBackoff('fast' as 'linear', 'backoffStrategy')).toThrow(
    /backoffStrategy must be 'exponential'.*"fast"/,
  )
  expect(() => readStoredBackoff({ type: 'linear', jitter: 2 }, 'backoffStrategy')).toThrow(
    /backoffStrategy\.jitter/,
  )
  expect(() => readStoredBackoff({ type: 'linear', delay: 'soon' }, 'backoffStrategy')).toThrow(
    /backoffStrategy\.delay/,
  )
  expect(() => readStoredBackoff((() => 1) as unknown as 'linear', 'backoffStrategy')).toThrow(/a function/)
})

test('the longest wait is never below the first, unless somebody says so', () => {
  const backoff = readStoredBackoff({ type: 'exponential', delay: '2h' }, 'backoffStrategy')
  expect(backoff.maxDelay).toBe(7_200_000)
  expect(readStoredBackoff({ type: 'linear', delay: '1s' }, 'backoffStrategy').maxDelay).toBe(3_600_000)
})
