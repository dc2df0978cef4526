import { randomUUID } from 'node:crypto'
import type { IStorageEngine } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { redis } from './index.ts'

const { storage, close } = redis(serviceUrl('redis'), { prefix: `test-${randomUUID()}`, resetOnInit: true })
const patchMany = storage.patchMany?.bind(storage) as NonNullable<IStorageEngine['patchMany']>

beforeAll(() => storage.ready?.())

afterAll(close)

/** What ends a text, a name or a nested value too early, or too late, where it is not read as JSON. */
const HARD = [
  '',
  '"',
  '\\',
  '\\\\',
  '\\"',
  '"\\',
  '\\\\"',
  '\\"\\\\',
  '","state":"no","',
  ',"state":"no"',
  '{"state":"no"}',
  '{',
  '}',
  '[',
  ']',
  '}]}',
  ':',
  ',',
  '"}',
  '\\"}',
  '":{',
  '\u0000\n\u2028',
  'é😀"',
]

test('whatever names and values are beside it, the field meant is found and all others stay', async () => {
  for (const hard of HARD) {
    for (const value of [
      hard,
      [hard],
      { [hard]: hard },
      [[], {}, [hard, { state: 'no', [hard]: [[hard]] }], 1],
    ]) {
      const before = {
        [hard]: value,
        [`a${hard}`]: value,
        state: 'yes',
        [`${hard}z`]: value,
        rev: 1,
        last: value,
      }
      await storage.save('hard', 'a', before)
      const item = {
        id: 'a',
        where: { state: 'yes', [`y${hard}`]: undefined },
        set: { state: value, more: value },
      }
      expect(await patchMany('hard', [item], { read: true }), JSON.stringify(value)).toEqual([
        { ...before, state: value, more: value, rev: 2 },
      ])
      expect(await patchMany('hard', [{ id: 'a', where: { [`${hard}z`]: 'no' }, set: {} }])).toEqual([null])
      expect(await storage.get('hard', 'a')).toEqual({ ...before, state: value, more: value, rev: 2 })
    }
  }
})

test('a text is equal only to itself', async () => {
  for (const text of HARD) {
    await storage.save('texts', 'a', { rev: 1, text })
    const items = HARD.map((one) => ({ id: 'a', where: { text: one }, set: {} }))
    expect(await patchMany('texts', items)).toEqual(HARD.map((one) => (one === text ? true : null)))
  }
})

test('numbers are counted as JavaScript counts, and equal by value afterwards', async () => {
  const numbers = [
    -1,
    -0.1,
    0.1,
    1.5,
    -1e-7,
    5e-324,
    1e21,
    1.7976931348623157e308,
    2 ** 53,
    2 ** 53 - 1,
    2 ** 60,
    -2,
  ]
  for (const n of numbers) {
    await storage.save('numbers', 'a', { rev: -1, n })
    expect(
      await patchMany('numbers', [{ id: 'a', where: { n }, set: {}, count: 'n' }], { read: true }),
    ).toEqual([{ rev: 0, n: n + 1 }])
    expect(await patchMany('numbers', [{ id: 'a', where: { n: n + 1, rev: 0 }, set: {} }])).toEqual([true])
    expect(await storage.compareAndSet?.('numbers', 'a', 1, {})).toBe(true)
  }
})

test('a revision beyond the safe integers is none', async () => {
  for (const [rev, next] of [
    [2 ** 53 - 1, 2 ** 53],
    [2 ** 53, undefined],
    [1e21, undefined],
    [-(2 ** 53), undefined],
    [1 - 2 ** 53, 2 - 2 ** 53],
  ] as const) {
    await storage.save('revs', 'a', { rev })
    const answer = next === undefined ? null : { rev: next }
    expect(await patchMany('revs', [{ id: 'a', where: {}, set: {} }], { read: true })).toEqual([answer])
  }
})

test('prune goes by an instant that was counted or that has the rev, too', async () => {
  for (const id of ['counted', 'told', 'both', 'newer'])
    await storage.save('instants', id, { rev: 98, createdAt: id === 'newer' ? 500 : 98 })
  await patchMany('instants', [
    { id: 'counted', where: {}, set: {}, count: 'createdAt' },
    { id: 'told', where: {}, set: { createdAt: new Date(500) }, revTo: 'finishedAt' },
    { id: 'both', where: {}, set: { createdAt: 1, finishedAt: { $date: 1 } } },
    { id: 'newer', where: {}, set: { finishedAt: null } },
  ])
  expect(await storage.prune('instants', 99)).toBe(0)
  expect(await storage.prune('instants', 100)).toBe(2)
  expect(await storage.count('instants')).toBe(2)
})

test('a record grows by patches beyond the limit of one value, and is read', async () => {
  const half = 'x'.repeat(5 * 1024 * 1024)
  await storage.save('large', 'a', { rev: 1, payload: half })
  await patchMany('large', [{ id: 'a', where: {}, set: { result: half } }])
  expect(await storage.get('large', 'a')).toEqual({ rev: 2, payload: half, result: half })
  const tooLarge = patchMany('large', [{ id: 'a', where: {}, set: { result: half + half } }])
  await expect(tooLarge).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' })
})

test('a record that somebody damaged is refused, and stops no other', async () => {
  await storage.saveMany?.(
    'plain',
    ['text', [1], 5, null, {}, { $date: 1, n: 1 }].map((value, n) => ({ id: `${n}`, value })),
  )
  await storage.save('plain', 'good', { rev: 1 })
  const ids = ['0', '1', '2', '3', '4', '5', 'good']
  const items = ids.map((id) => ({ id, where: {}, set: { hit: true } }))
  expect(await patchMany('plain', items)).toEqual([null, null, null, null, null, null, true])
})
