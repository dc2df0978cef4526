import { expect, test } from 'vitest'
import { InvalidArgumentError, UnavailableError } from '../../errors/sched-error.ts'
import { ManualClock } from '../../values/manual-clock.ts'
import { StorageHealth } from './storage-health.ts'

function setUp() {
  const clock = new ManualClock()
  const health = new StorageHealth(clock)
  const answer = () => health.watch(async () => 'answer')
  const fail = () =>
    health.watch(() => Promise.reject(new UnavailableError('down'))).catch((error: Error) => error.message)
  return { clock, health, answer, fail }
}

test('after an outage that kept a worker from renewing it has one lease’s time to do so', async () => {
  const { clock, health, answer, fail } = setUp()
  await answer()
  await clock.advance(500)
  expect(await fail()).toBe('down')
  await clock.advance(600)
  expect(await answer()).toBe('answer')
  // 1,100 ms without an answer: no renewal of a lease up to three times as long came through for sure
  expect(health.couldRenew(3_301)).toBe(true)
  expect(health.couldRenew(3_300)).toBe(false)
  expect(health.couldRenew(1_000)).toBe(false)
  await clock.advance(999)
  expect(health.couldRenew(1_000)).toBe(false)
  await clock.advance(1)
  expect(health.couldRenew(1_000)).toBe(true)
})

test('calls that wait until the storage is back, and fail never, are an outage, too', async () => {
  const { clock, health, answer } = setUp()
  await answer()
  await clock.advance(60_000)
  const waiting = health.watch(() => new Promise<void>((resolve) => clock.after(9_000, resolve)))
  await clock.advance(9_000)
  await waiting
  expect(health.couldRenew(3_000)).toBe(false)
  await clock.advance(3_000)
  expect(health.couldRenew(3_000)).toBe(true)
})

test('a slow call among others that are answered is none', async () => {
  const { clock, health, answer } = setUp()
  const slow = health.watch(() => new Promise<void>((resolve) => clock.after(9_000, resolve)))
  for (let past = 0; past < 9_000; past += 10) {
    await answer()
    await clock.advance(10)
  }
  await slow
  expect(health.couldRenew(100)).toBe(true)
})

test('a short outage does not hide the long one before it', async () => {
  const { clock, health, answer, fail } = setUp()
  await answer()
  await fail()
  await clock.advance(5_000)
  await answer()
  await clock.advance(100)
  await fail()
  await clock.advance(100)
  await answer()
  expect(health.couldRenew(3_000)).toBe(false)
  await clock.advance(2_800)
  expect(health.couldRenew(3_000)).toBe(true)
})

test('silence without a failure is no outage, and an error that came from the storage is an answer', async () => {
  const { clock, health, answer } = setUp()
  await answer()
  await clock.advance(60_000)
  await expect(health.watch(() => Promise.reject(new InvalidArgumentError('no')))).rejects.toThrow('no')
  await clock.advance(60_000)
  await answer()
  expect(health.couldRenew(1)).toBe(true)
})
