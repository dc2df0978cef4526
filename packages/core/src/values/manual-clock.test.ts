import { expect, test } from 'vitest'
import { ManualClock } from './manual-clock.ts'

test('timers fire in order of their due instant, with the clock standing at it', async () => {
  const clock = new ManualClock({ now: 1_000 })
  const fired: [string, number, number][] = []
  const note = (name: string) => () => fired.push([name, clock.now(), clock.monotonic()])
  clock.after(20, note('b'))
  clock.after(10, note('a'))
  clock.after(20, note('c'))
  clock.after(31, note('late'))
  await clock.advance(30)
  expect(fired).toEqual([
    ['a', 1_010, 10],
    ['b', 1_020, 20],
    ['c', 1_020, 20],
  ])
  expect(clock.now()).toBe(1_030)
  expect(clock.pending).toBe(1)
})

test('a timer set by another fires within the same advance, after the promises in between', async () => {
  const clock = new ManualClock()
  const fired: string[] = []
  clock.after(5, () => {
    fired.push('first')
    void Promise.resolve().then(() => setImmediate(() => clock.after(5, () => fired.push('second'))))
  })
  clock.after(12, () => fired.push('third'))
  await clock.advance(20)
  expect(fired).toEqual(['first', 'second', 'third'])
})

test('a cancelled timer never fires, and a jump of the wall clock fires nothing', async () => {
  const clock = new ManualClock({ now: 0 })
  const fired: string[] = []
  clock.after(5, () => fired.push('cancelled')).cancel()
  clock.after(50, () => fired.push('kept'))
  clock.jump(1_000)
  await clock.settle()
  expect(fired).toEqual([])
  expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0])
  await clock.advanceTo(1_050)
  expect(fired).toEqual(['kept'])
  expect([clock.now(), clock.monotonic(), clock.pending]).toEqual([1_050, 50, 0])
})
