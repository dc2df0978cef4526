import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ValueTooLargeError, ValueUnserializableError } from '../errors/sched-error.ts'
import { checkName, cloneValue, copyValue, decodeValue, encodeValue, equalValues } from './codec.ts'

const through = (value: unknown) => decodeValue(encodeValue(value))

describe.each([
  ['copyValue', (value: unknown) => copyValue(value)],
  ['encodeValue and decodeValue', through],
  ['cloneValue of a copy', (value: unknown) => cloneValue(copyValue(value))],
])('%s', (_, roundTrip) => {
  test('keeps JSON and dates', () => {
    const value = { a: [1, 'two', null, true, { when: new Date(1e12) }], empty: {}, none: [], text: 'a\0b' }
    expect(roundTrip(value)).toEqual(value)
  })

  test.each([
    [{ $date: 5 }],
    [{ $date: 'text' }],
    [{ $$date: { $date: 1 } }],
    [{ nested: { $date: new Date(3) } }],
    [{ $date: 1, other: 2 }],
  ])('an object that looks like an encoded date survives as itself: %j', (value) => {
    expect(roundTrip(value)).toEqual(value)
  })

  test('drops undefined properties, makes undefined items null and -0 zero', () => {
    const back = roundTrip({ a: undefined, b: [undefined, 1], c: -0 }) as Record<string, unknown>
    expect(Object.keys(back)).toEqual(['b', 'c'])
    expect(back.b).toEqual([null, 1])
    expect(Object.is(back.c, 0)).toBe(true)
  })

  test('__proto__ is a key like any other', () => {
    const back = roundTrip(JSON.parse('{"__proto__": {"admin": true}, "x": 1}')) as object
    expect(Object.keys(back)).toEqual(['__proto__', 'x'])
    expect((back as { admin?: boolean }).admin).toBeUndefined()
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
  })

  test('is a deep copy', () => {
    const value = { list: [{ n: 1 }], at: new Date(1) }
    const back = roundTrip(value) as typeof value
    value.list[0]!.n = 2
    value.at.setTime(9)
    expect(back).toEqual({ list: [{ n: 1 }], at: new Date(1) })
  })

  test.each<[string, unknown, string]>([
    ['NaN', { a: [{ b: Number.NaN }] }, 'value.a[0].b'],
    ['Infinity', [1, Number.POSITIVE_INFINITY], 'value[1]'],
    ['BigInt', { 'odd key': 1n }, 'value["odd key"]'],
    ['a function', { f() {} }, 'value.f'],
    ['a symbol', { s: Symbol('s') }, 'value.s'],
    ['a lone surrogate', { s: '\ud800' }, 'value.s'],
    ['a lone surrogate in a key', { '\ud800': 1 }, 'value["\\ud800"]'],
    ['an invalid date', { d: new Date(Number.NaN) }, 'value.d'],
    ['a Map', { m: new Map() }, 'value.m'],
    ['undefined itself', undefined, 'value'],
  ])('rejects %s with its path', (_name, value, path) => {
    const error = catchError(() => roundTrip(value))
    expect(error).toBeInstanceOf(ValueUnserializableError)
    expect((error as ValueUnserializableError).path).toBe(path)
  })

  test('a symbol key is rejected, a getter is read once, a null prototype becomes a plain one', () => {
    expect(() => roundTrip({ [Symbol('s')]: 1 })).toThrow('symbol key')
    let reads = 0
    const value = Object.create(null, { n: { enumerable: true, get: () => ++reads } })
    expect(Object.getPrototypeOf(roundTrip(value))).toBe(Object.prototype)
  })

  test('what is inherited is not copied', () => {
    Object.defineProperty(Object.prototype, 'polluted', {
      value: { a: 1 },
      writable: true,
      enumerable: true,
      configurable: true,
    })
    try {
      expect(Object.keys(roundTrip({ own: 1 }) as object)).toEqual(['own'])
    } finally {
      delete (Object.prototype as { polluted?: unknown }).polluted
    }
  })

  test('rejects cycles and runaway depth, accepts a shared part', () => {
    const cycle: { a: { b?: unknown } } = { a: {} }
    cycle.a.b = cycle
    expect(() => roundTrip(cycle)).toThrow('value.a.b: refers back')
    let deep: unknown = 1
    for (let i = 0; i < 10_000; i++) deep = [deep]
    expect(() => roundTrip(deep)).toThrow('nested deeper than 100 levels')
    const shared = { n: 1 }
    expect(roundTrip([shared, shared])).toEqual([{ n: 1 }, { n: 1 }])
  })
})

test('the quick way and the careful one give the same answers', () => {
  const plain = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.boolean(),
      fc.constantFrom(null, -0, '$date'),
      fc.date({ noInvalidDate: true }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$date', '$$date', '__proto__')), tie('value'), {
        maxKeys: 4,
      }),
    ),
  })).value
  fc.assert(
    fc.property(plain, (value) => {
      // an undefined item makes the quick way give up
      const careful = [value, undefined]
      expect(copyValue([value, null])).toStrictEqual(copyValue(careful))
      expect(encodeValue([value, null])).toBe(encodeValue(careful))
    }),
    { numRuns: 2_000 },
  )
})

test('the size limit counts encoded bytes, not characters', () => {
  expect(copyValue('é'.repeat(4), { maxBytes: 10 })).toBe('éééé')
  expect(() => copyValue('é'.repeat(5), { maxBytes: 10 })).toThrow(ValueTooLargeError)
  expect(() => encodeValue('\0\0', { maxBytes: 10, root: 'payload' })).toThrow('payload takes 14 bytes')
})

test('equalValues compares deeply, dates by instant, keys in any order', () => {
  expect(equalValues({ a: 1, b: [new Date(1)] }, { b: [new Date(1)], a: 1 })).toBe(true)
  expect(equalValues({ a: 1 }, { a: 1, b: 2 })).toBe(false)
  expect(equalValues([], {})).toBe(false)
  expect(equalValues(new Date(1), 1)).toBe(false)
})

test.each<[unknown, string]>([
  ['', 'must not be empty'],
  ['a\0', 'NUL'],
  ['\udc00', 'lone surrogate'],
  ['x'.repeat(1025), 'at most 1024 bytes, not 1025'],
  ['é'.repeat(513), 'at most 1024 bytes, not 1026'],
  [5, 'must be a string, not a number'],
])('checkName refuses %j', (name, message) => {
  expect(() => checkName(name, 'id')).toThrow(message)
})

test('checkName accepts what users write', () => {
  for (const name of [':', '%', '{$ne:null}', "a'b", 'é'.repeat(512), '*']) checkName(name, 'id')
})

function catchError(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
