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

test('after an outage longer than a lease its worker has one lease’s time to renew', async () => {
  const { clock, health, answer, fail } = setUp()
  await answer()
  await clock.advance(500)
  expect(await fail()).toBe('down')
  await clock.advance(600)
  expect(await answer()).toBe('answer')
  // 1,100 ms without an answer
  expect(health.couldRenew(1_101)).toBe(true)
  expect(health.couldRenew(1_000)).toBe(false)
  await clock.advance(999)
  expect(health.couldRenew(1_000)).toBe(false)
  await clock.advance(1)
  expect(health.couldRenew(1_000)).toBe(true)
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
