import { expect, test } from 'vitest'
import { JobSpread } from './job-spread.ts'

const places = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ r: 0, d: first + i }))

test('alone, a claim always looks at the head', () => {
  const spread = new JobSpread()
  for (let round = 0; round < 50; round++) {
    expect(spread.from()).toEqual({})
    expect(spread.report({ chosen: places(round * 10, 10), taken: 10, more: true })).toBe(false)
  }
})

test('who lost most of what it saw goes on further down, and stays on its stretch', () => {
  const spread = new JobSpread(() => 0.5)
  spread.from()
  expect(spread.report({ chosen: places(100, 11), taken: 2, more: true })).toBe(true)
  // half of 64 stretches of 10 µs… at least as long as what was lost
  const start = spread.from()
  expect(start).toEqual({ r: 0, d: { $gt: 110 + 0.5 * 11 * 64 } })
  spread.report({ chosen: places(600, 11), taken: 11, more: true })
  expect(spread.from()).toEqual({ r: 0, d: { $gt: 610 } })
})

test('where it is as crowded after a jump, the next one may go further; who lost a little stays', () => {
  const spread = new JobSpread(() => 1)
  const jumps: number[] = []
  for (let round = 0; round < 4; round++) {
    const { d } = spread.from() as { d?: { $gt: number } }
    if (d) jumps.push(d.$gt)
    spread.report({ chosen: places(0, 10), taken: 0, more: true })
  }
  expect(jumps).toEqual([64, 256, 1024].map((times) => 9 + 10 * times))
  spread.from()
  spread.report({ chosen: places(5_000, 10), taken: 7, more: true })
  expect(spread.from()).toEqual({ r: 0, d: { $gt: 5_009 } })
})

test('the head is looked at again every so often, and at the end of a stretch', () => {
  const spread = new JobSpread(() => 0)
  spread.from()
  spread.report({ chosen: places(0, 10), taken: 0, more: true })
  let elsewhere = 0
  while (Object.keys(spread.from()).length > 0) {
    elsewhere++
    expect(spread.report({ chosen: places(elsewhere * 10, 10), taken: 10, more: true })).toBe(true)
  }
  expect(elsewhere).toBe(16)
  spread.report({ chosen: places(0, 10), taken: 0, more: true })
  spread.from()
  spread.report({ chosen: places(10, 3), taken: 3, more: false })
  expect(spread.from()).toEqual({})
})

test('a jump beyond the end comes nearer, and in the end back to the head', () => {
  const spread = new JobSpread(() => 1)
  spread.from()
  spread.report({ chosen: places(0, 10), taken: 0, more: true })
  const jumps: unknown[] = []
  for (let round = 0; round < 6; round++) {
    jumps.push(spread.from())
    // nothing there: there may still be something elsewhere, unless this was the head
    expect(spread.report({ chosen: [], taken: 0, more: false })).toBe(
      Object.keys(jumps[round] as object).length > 0,
    )
  }
  expect(jumps.at(-1)).toEqual({})
})
