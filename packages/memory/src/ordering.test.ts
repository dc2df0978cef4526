import { expect, test } from 'vitest'
import { compareKeyed, compareText, type Keyed } from './ordering.ts'
import { Random } from './random.support.ts'

test('text is ordered by its UTF-8 bytes, also where UTF-16 would have it otherwise', () => {
  expect(compareText('\u{1f600}', '\uffee')).toBeGreaterThan(0)
  expect('\u{1f600}' < '\uffee').toBe(true)
  const random = new Random(6)
  const units = [
    'a',
    'b',
    '\u00e9',
    '\u07ff',
    '\u0800',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{10ffff}',
    '',
  ]
  for (let i = 0; i < 5_000; i++) {
    const [a, b] = [0, 1].map(() => Array.from({ length: 4 }, () => random.pick(units)).join(''))
    expect(Math.sign(compareText(a!, b!))).toBe(Buffer.compare(Buffer.from(a!), Buffer.from(b!)))
  }
})

test('numbers before instants before strings; all else last, by id, in both directions; ties by id', () => {
  const rows: Keyed[] = [
    { id: 'h', key: true },
    { id: 'a', key: null },
    { id: 'c', key: { x: 1 } },
    { id: 'b', key: undefined },
    { id: 'i', key: 'b' },
    { id: 'j', key: 'B' },
    { id: 'l', key: new Date(2) },
    { id: 'k', key: new Date(10) },
    { id: 'n', key: 10 },
    { id: 'm', key: 10 },
    { id: 'o', key: 9 },
  ]
  const sorted = (direction: 'asc' | 'desc') =>
    rows
      .toSorted((a, b) => compareKeyed(a, b, direction))
      .map(({ id }) => id)
      .join('')
  expect(sorted('asc')).toBe('omnlkjiabch')
  expect(sorted('desc')).toBe('ijklmnoabch')
})
