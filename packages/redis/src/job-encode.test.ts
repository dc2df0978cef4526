import { expect, test } from 'vitest'
import { encodeJob } from './job-encode.ts'

const job = { id: 'a', type: 'mail', payload: 1, priority: 0 }
const headOf = (more: object): string => encodeJob({ ...job, ...more }, 1_000).head

test('defaults take no room in a head, and what differs stands in its place', () => {
  expect(headOf({})).toBe('D;mail')
  expect(headOf({ maxRetries: 0, maxCrashes: 3, delivery: 'at-least-once', rememberMs: 60_000 })).toBe(
    'D;mail',
  )
  expect(headOf({ priority: 20, maxRetries: 3 })).toBe('03;mail')
  expect(headOf({ priority: -20, delivery: 'at-most-once' })).toBe('X,,m;mail')
  expect(headOf({ retention: { completed: { count: 0 }, failed: { ageMs: 5 } } })).toBe('D,,,,-,0,,,5,-;mail')
})

test('a head follows every change from one job to the next, also inside one object', () => {
  const retention = { completed: { count: 1 } }
  expect(headOf({ retention })).toBe('D,,,,-,1;mail')
  retention.completed.count = 2
  expect(headOf({ retention })).toBe('D,,,,-,2;mail')
  expect(headOf({ retention: { completed: { count: 2, ageMs: 3 } } })).toBe('D,,,,3,2;mail')
  expect(headOf({ retention: {} })).toBe('D;mail')
  expect(headOf({ type: 'note' })).toBe('D;note')
  expect(headOf({ type: 'note', priority: 1 })).toBe('C;note')
  expect(headOf({ type: 'note', priority: 1, maxCrashes: 9 })).toBe('C,9;note')
})

test('a bad setting is refused each time', () => {
  for (let time = 0; time < 2; time++) {
    expect(() => headOf({ maxRetries: -1 })).toThrow(/maxRetries/)
    expect(() => headOf({ priority: 21 })).toThrow(/priority/)
    expect(() => headOf({ retention: { failed: { count: 1.5 } } })).toThrow(/retention\.failed\.count/)
  }
})

test('of jobs that are alike the rest is taken from the one before, and nothing from any other', () => {
  const alike = {}
  const delayed = {}
  const encoded = (more: object) => {
    const { head, rest, due } = encodeJob({ ...job, ...more }, 1_000)
    return [head, rest, due]
  }
  for (let time = 0; time < 2; time++) {
    expect(encoded({ alike, priority: 1 })).toEqual(['C;mail', '1', ''])
    expect(encoded({ alike, priority: 1, payload: 2 })).toEqual(['C;mail', '2', ''])
    expect(encoded({ priority: 2, entityId: 'e' })).toEqual(['B;mail', 'x{"entity":"e"}\0' + '1', ''])
    expect(encoded({ alike: delayed, delayMs: 5 })).toEqual(['D;mail', '1', '+5'])
    expect(encoded({ alike: {} })).toEqual(['D;mail', '1', ''])
  }
})
