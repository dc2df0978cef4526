import { Binary, BSON } from 'mongodb'
import { expect, test } from 'vitest'
import { decodeRecord, digestOf, encodeRecord, fieldName } from './record-codec.ts'

/** As it comes back from the server. */
function roundTrip(value: unknown): unknown {
  return decodeRecord(BSON.deserialize(BSON.serialize(encodeRecord(value, 1_000_000))) as never)
}

const CURIOUS: Record<string, unknown> = JSON.parse(
  '{"a.b": 1, "$set": {"$inc": 1}, "$date": 5, "": "empty", "__proto__": {"x": 1}, "_bsontype": "ObjectId", "toBSON": "text",' +
    '"0": "number", "%": 1, "%24": 2, "a%2eb": 3, "nul\\u0000": "\\u0000", "constructor": 1, "length": 9, "_id": {"$ref": "a", "$id": 1}}',
)

test.each([
  [
    'scalars',
    { n: 1.5, s: 'é😀', t: true, f: false, z: null, d: new Date(-1), big: 2 ** 53 - 1, neg: -(2 ** 40) },
  ],
  ['names that mean something', CURIOUS],
  [
    'nested values',
    { a: [], o: {}, deep: { when: new Date(5), list: [1, [new Date(0)], null] }, $date: { $date: 1 } },
  ],
  ['an array', [1, { $gt: 2 }, new Date(3)]],
  ['a scalar', 'text'],
  ['null', null],
  ['a Date', new Date(7)],
  ['an object like the codec’s own', { j: 'x', h: 'y' }],
])('%s come back as they were', (_, value) => {
  const back = roundTrip(value)
  expect(back).toEqual(value)
  if (typeof value === 'object' && value !== null && !(value instanceof Date))
    expect(Object.keys(back as object)).toEqual(Object.keys(value))
})

test('nothing of the value is nested BSON, and no name has a meaning to the server', () => {
  const { f = {} } = encodeRecord(CURIOUS, 1_000_000)
  for (const [name, field] of Object.entries(f)) {
    expect(name).not.toMatch(/[.$\0]|^$|^__proto__$|^_bsontype$/)
    if (typeof field === 'object' && field !== null) expect(Object.keys(field)).toEqual(['j', 'h'])
  }
})

test('names stay apart', () => {
  const names = Object.keys(CURIOUS)
  expect(new Set(names.map(fieldName)).size).toBe(names.length)
})

test('digests are equal for equal values, and for no others', () => {
  expect(digestOf({ a: 1, b: [new Date(2)] })).toBe(digestOf({ b: [new Date(2)], a: 1 }))
  const different = [
    { a: 1 },
    { a: '1' },
    [1],
    { a: [1] },
    { a: { $date: 1 } },
    { a: new Date(1) },
    {},
    [],
    [[]],
    { d1: 1 },
  ]
  expect(new Set(different.map(digestOf)).size).toBe(different.length)
})

test('a document of the driver’s own kinds is refused like any class', () => {
  expect(() => encodeRecord({ bytes: new Binary(Buffer.from('x')) }, 1_000)).toThrow(
    expect.objectContaining({ code: 'VALUE_UNSERIALIZABLE' }),
  )
})

test.each([
  [{ finishedAt: new Date(5), createdAt: 1 }, 5],
  [{ finishedAt: 6 }, 6],
  [{ finishedAt: null, createdAt: 1 }, undefined],
  [{ finishedAt: undefined, createdAt: 1 }, 1],
  [{ createdAt: 'yesterday' }, undefined],
  [{ finishedAt: { $date: 3 } }, undefined],
])('%j is pruned by %s', (value, instant) => {
  expect(encodeRecord(value, 1_000).p).toBe(instant)
})
