import type { Filter } from '@sched/core/adapter'
import { describe, expect, test } from 'vitest'
import { compileFilter } from './filter.ts'

const RECORD = {
  n: 5,
  text: 'm',
  at: new Date(1_000),
  nothing: null,
  yes: true,
  tags: ['a', 'b'],
  deep: { x: { y: [1] } },
}

const matches = (filter: Filter | undefined, value: unknown = RECORD) => compileFilter(filter).matches(value)

describe('matches', () => {
  test.each<[Filter | undefined]>([
    [undefined],
    [{}],
    [{ n: 5 }],
    [{ n: { $eq: 5 }, text: 'm' }],
    [{ at: new Date(1_000) }],
    [{ nothing: null }],
    [{ nothing: { $in: [null] } }],
    [{ tags: ['a', 'b'] }],
    [{ deep: { x: { y: [1] } } }],
    [{ deep: { $in: [{ x: 1 }, { x: { y: [1] } }] } }],
    [{ n: { $ne: 4 } }],
    [{ missing: { $ne: 4 } }],
    [{ missing: { $ne: null } }],
    [{ n: { $gt: 4, $lt: 6 } }],
    [{ n: { $gte: 5, $lte: 5 } }],
    [{ at: { $lt: new Date(1_001) } }],
    [{ text: { $gt: 'l' } }],
  ])('%j', (filter) => {
    expect(matches(filter)).toBe(true)
  })
})

describe('does not match', () => {
  test.each<[Filter]>([
    [{ n: '5' }],
    [{ n: 5, text: 'x' }],
    [{ at: 1_000 }],
    [{ missing: null }],
    [{ missing: { $in: [null] } }],
    [{ nothing: { $ne: null } }],
    [{ tags: 'a' }],
    [{ tags: ['a'] }],
    [{ deep: { x: { y: [1], z: 1 } } }],
    [{ n: { $in: [] } }],
    [{ n: { $gt: 5 } }],
    [{ n: { $lt: '9' } }],
    [{ n: { $lt: new Date(1e12) } }],
    [{ nothing: { $lte: null } }],
    [{ yes: { $gte: false } }],
    [{ missing: { $lt: 5 } }],
    [{ toString: { $ne: 1 }, n: 6 }],
    [{ constructor: null }],
  ])('%j', (filter) => {
    expect(matches(filter)).toBe(false)
  })
})

test('a value without fields has every field missing', () => {
  for (const value of ['text', 5, null, ['a'], new Date(1)]) {
    expect(matches({ length: 1 }, value)).toBe(false)
    expect(matches({ length: { $ne: 1 } }, value)).toBe(true)
    expect(matches({}, value)).toBe(true)
  }
})

test('later changes to the filter do not reach what was compiled', () => {
  const filter = { tags: ['a', 'b'] }
  const compiled = compileFilter(filter)
  filter.tags.push('c')
  expect(compiled.matches(RECORD)).toBe(true)
})

test.each<[unknown, string]>([
  [{ n: { $regex: 'x' } }, 'filter.n: unknown operator $regex'],
  [{ n: { $gt: 1, other: 2 } }, 'unknown operator other'],
  [{ n: { $in: 5 } }, 'filter.n.$in must be an array'],
  [{ n: undefined }, 'filter.n is undefined'],
  [{ n: { $gt: undefined } }, 'filter.n.$gt is undefined'],
  [{ n: Number.NaN }, 'filter.n: NaN'],
  [[1], 'a filter must be an object'],
  ['n = 5', 'a filter must be an object'],
])('refuses %j', (filter, message) => {
  expect(() => compileFilter(filter as Filter)).toThrow(message)
})
