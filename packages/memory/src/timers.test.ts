import { ManualClock } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import { Alarm, type TimedSource } from './timers.ts'

/** Rings for each of its instants once. */
class Instants implements TimedSource {
  readonly rung: number[] = []
  at: number[]

  constructor(at: number[]) {
    this.at = at
  }

  ring(now: number): number {
    this.rung.push(...this.at.filter((at) => at <= now))
    this.at = this.at.filter((at) => at > now)
    return Math.min(Number.POSITIVE_INFINITY, ...this.at)
  }
}

test('one timer serves every source and instant, each on the dot', async () => {
  const clock = new ManualClock({ now: 0 })
  const alarm = new Alarm(clock)
  const a = new Instants([30, 10, 2 ** 40])
  const b = new Instants([20])
  alarm.watch(a)
  alarm.watch(b)
  expect(clock.pending).toBe(1)
  await clock.advance(9)
  expect([a.rung, b.rung]).toEqual([[], []])
  await clock.advance(11)
  expect([a.rung, b.rung]).toEqual([[10], [20]])
  await clock.advance(10)
  expect([a.rung, clock.pending]).toEqual([[10, 30], 1])
})

test('an earlier instant moves the alarm forward, a later one leaves it', async () => {
  const clock = new ManualClock({ now: 0 })
  const alarm = new Alarm(clock)
  const source = new Instants([50])
  alarm.watch(source)
  source.at.push(5, 80)
  alarm.expect(80)
  alarm.expect(5)
  expect(clock.pending).toBe(1)
  await clock.advance(5)
  expect(source.rung).toEqual([5])
})

test('with nobody to tell nothing is armed', () => {
  const clock = new ManualClock({ now: 0 })
  const alarm = new Alarm(clock)
  alarm.expect(10)
  expect(clock.pending).toBe(0)
  const source = new Instants([10])
  alarm.watch(source)
  alarm.unwatch(source)
  expect(clock.pending).toBe(0)
})

test('a wall clock that was set back is waited for', async () => {
  const clock = new ManualClock({ now: 1_000 })
  const alarm = new Alarm(clock)
  const source = new Instants([1_100])
  alarm.watch(source)
  clock.jump(-50)
  await clock.advance(100)
  expect(source.rung).toEqual([])
  await clock.advance(50)
  expect(source.rung).toEqual([1_100])
})
