import { expect, test } from 'vitest'
import { RememberedIds } from './remembered-ids.ts'

function remembering(max = 1_000) {
  const dropped: number[] = []
  const ids = new RememberedIds(max, (_hash, place) => dropped.push(place))
  return { ids, dropped }
}

test('an id is known until its instant, exactly', () => {
  const { ids } = remembering()
  const place = ids.add('a', 1, 1_000, 600)
  expect([ids.isLive(place, 999), ids.isLive(place, 1_000)]).toEqual([true, false])
  expect(ids.idAt(place)).toBe('a')
})

test('nothing is dropped before its time, everything within an eighth of it afterwards', () => {
  const { ids, dropped } = remembering()
  for (let i = 0; i < 100; i++) ids.add(`id-${i}`, i, 10_000 + i * 80, 8_000)
  expect(ids.drop(9_999, 1_000)).toBe(0)
  for (const now of [12_000, 14_000, 16_000]) {
    ids.drop(now, 1_000)
    const ended = Array.from({ length: 100 }, (_, i) => 10_000 + i * 80).filter(
      (until) => until <= now,
    ).length
    const endedLongAgo = Array.from({ length: 100 }, (_, i) => 10_000 + i * 80).filter(
      (until) => until <= now - 1_000,
    ).length
    expect(dropped.length).toBeLessThanOrEqual(ended)
    expect(dropped.length).toBeGreaterThanOrEqual(endedLongAgo)
  }
})

test('beyond the bound the ids whose time would be over soonest go first', () => {
  const { ids, dropped } = remembering(10)
  const chosen = Array.from({ length: 10 }, (_, i) => ids.add(`chosen-${i}`, i, 600_000, 600_000))
  for (let i = 0; i < 50; i++) {
    ids.add(`made-${i}`, 100 + i, 60_000 + i, 60_000)
    ids.drop(0)
  }
  expect(ids.size).toBe(10)
  expect(dropped.length).toBe(50)
  expect(dropped.some((place) => chosen.includes(place))).toBe(false)
})

test('places are used again, and a call drops no more than its limit', () => {
  const { ids } = remembering()
  const first = Array.from({ length: 5 }, (_, i) => ids.add(`a-${i}`, i, 10, 8))
  expect([ids.drop(100, 2), ids.size]).toEqual([2, 3])
  expect([ids.drop(100, 100), ids.size]).toEqual([3, 0])
  const again = Array.from({ length: 5 }, (_, i) => ids.add(`b-${i}`, i, 500, 8))
  expect([...again].sort()).toEqual([...first].sort())
  expect(again.map((place) => ids.idAt(place))).toEqual(['b-0', 'b-1', 'b-2', 'b-3', 'b-4'])
})

test('however many different times there are, ids end in their order', () => {
  const { ids, dropped } = remembering(100_000)
  for (let i = 0; i < 20_000; i++) ids.add(`id-${i}`, i, 1_000 + i, 1_000 + i)
  for (const now of [5_000, 11_000, 25_000]) {
    ids.drop(now, 100_000)
    expect(dropped.every((place) => 1_000 + place <= now)).toBe(true)
    expect(dropped.length).toBeGreaterThanOrEqual(Math.min(20_000, (now - 1_000) * 0.8))
  }
})
