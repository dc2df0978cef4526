import { expect, test } from 'vitest'
import { Random } from './random.support.ts'
import { SortedList } from './sorted-list.ts'

test.each([
  ['at random', false],
  ['in order', true],
])('answers as a sorted array does, filled %s', (_name, inOrder) => {
  const random = new Random(3)
  const list = new SortedList<number>((a, b) => a - b)
  let model: number[] = []
  for (let step = 0; step < 8_000; step++) {
    const item = inOrder ? step : random.integer(50_000)
    if (random.integer(3) > 0 || step < 3_000) {
      if (model.includes(item)) continue
      list.add(item)
      model.push(item)
    } else {
      const gone = random.pick(model)
      expect(list.remove(gone)).toBe(true)
      expect(list.remove(gone)).toBe(false)
      model = model.filter((one) => one !== gone)
    }
    if (step % 400 !== 0) continue
    model.sort((a, b) => a - b)
    expect([...list.from()]).toEqual(model)
    expect(list.size).toBe(model.length)
    const start = random.integer(50_000)
    expect([...list.from(start)]).toEqual(model.filter((one) => one >= start))
    expect(list.rank(start)).toBe(model.filter((one) => one < start).length)
    expect(list.before(start)).toBe(model.findLast((one) => one < start))
  }
})

test('an empty list has nothing', () => {
  const list = new SortedList<number>((a, b) => a - b)
  expect([[...list.from()], [...list.from(4)], list.rank(4), list.before(4), list.remove(4)]).toEqual([
    [],
    [],
    0,
    undefined,
    false,
  ])
})
