import { ManualClock } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import type { MongoConnection } from './connection.ts'
import { JobClock } from './job-clock.ts'

/** A server whose clock is `skewMs` ahead, and answers after `thereMs` there and `backMs` back. */
function serverOf(clock: ManualClock, skew: { ms: number }, way: { there: number; back: number }) {
  let looks = 0
  const connection = {
    async now() {
      looks++
      await clock.advance(way.there)
      const now = Math.floor(clock.now() + skew.ms)
      await clock.advance(way.back)
      return now
    },
  } as unknown as MongoConnection
  return { connection, looks: () => looks }
}

test('the server’s now lies between past and future, however long its answers take', async () => {
  for (const [there, back] of [
    [0, 0],
    [5, 0],
    [0, 5],
    [40, 3],
  ] as const) {
    const clock = new ManualClock()
    const skew = { ms: 3_600_000.4 }
    const jobs = new JobClock(serverOf(clock, skew, { there, back }).connection, clock)
    await jobs.open()
    for (const rest of [0, 1, 700, 9_000]) {
      await clock.advance(rest)
      const now = clock.now() + skew.ms
      expect(jobs.past()).toBeLessThanOrEqual(now)
      expect(jobs.future()).toBeGreaterThanOrEqual(now)
      expect(jobs.future() - jobs.past()).toBeLessThan(there + back + 1 + 2 * 0.0005 * 10_000 + 0.1)
    }
  }
})

test('a quick look narrows what slow ones left open', async () => {
  const clock = new ManualClock()
  const way = { there: 30, back: 30 }
  const jobs = new JobClock(serverOf(clock, { ms: 0 }, way).connection, clock)
  await jobs.open()
  expect(jobs.future() - jobs.past()).toBeGreaterThan(50)
  await clock.advance(11_000)
  way.there = way.back = 1
  await jobs.fresh()
  expect(jobs.future() - jobs.past()).toBeLessThan(5)
})

test('a look is good for ten seconds, and for none where the clocks of this machine went different ways', async () => {
  const clock = new ManualClock()
  const { connection, looks } = serverOf(clock, { ms: 0 }, { there: 1, back: 1 })
  const jobs = new JobClock(connection, clock)
  await jobs.open()
  const first = looks()
  await clock.advance(9_000)
  await jobs.fresh()
  expect(looks()).toBe(first)
  await clock.advance(2_000)
  await jobs.fresh()
  expect(looks()).toBe(first + 1)
  clock.jump(3_600_000)
  await jobs.fresh()
  expect(looks()).toBe(first + 2)
})

test('numbers grow with every job, also when the clock stands still or is set back', async () => {
  const clock = new ManualClock()
  const skew = { ms: 0 }
  const jobs = new JobClock(serverOf(clock, skew, { there: 0, back: 0 }).connection, clock)
  await jobs.open()
  const first = jobs.nextMicros(1_000)
  const second = jobs.nextMicros()
  expect(second).toBeGreaterThanOrEqual(first + 1_000)
  clock.jump(-60_000)
  await jobs.fresh()
  expect(jobs.nextMicros()).toBeGreaterThan(second)
})
