import { expect, test } from 'vitest'
import { groupBy, inParallel } from './in-parallel.ts'

test('answers in order, at most 16 at a time', async () => {
  let running = 0
  let most = 0
  const items = Array.from({ length: 50 }, (_, index) => index)
  const doubled = await inParallel(items, async (item) => {
    most = Math.max(most, ++running)
    for (let turn = 0; turn <= item % 3; turn++) await Promise.resolve()
    running--
    return item * 2
  })
  expect(doubled).toEqual(items.map((item) => item * 2))
  expect(most).toBe(16)
  expect(await inParallel([], async () => 1)).toEqual([])
})

test('rejects with the first error, starts nothing more, and only once nothing is under way', async () => {
  const started: number[] = []
  let ended = 0
  const items = Array.from({ length: 100 }, (_, index) => index)
  const run = inParallel(items, async (item) => {
    started.push(item)
    await Promise.resolve()
    if (item === 3) throw new Error('third')
    await Promise.resolve()
    ended++
  })
  await expect(run).rejects.toThrow('third')
  expect(started.length).toBeLessThan(40)
  expect(ended).toBe(started.length - 1)
})

test('groups in order of first appearance', () => {
  const groups = groupBy(['b1', 'a1', 'b2'], (item) => item[0])
  expect([...groups]).toEqual([
    ['b', ['b1', 'b2']],
    ['a', ['a1']],
  ])
})
