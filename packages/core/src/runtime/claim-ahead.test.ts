import { expect, test } from 'vitest'
import { ClaimAhead } from './claim-ahead.ts'
import { setupLoop } from './consumer.test-support.ts'
import { claimedJob } from './scripted-job-store.support.ts'

const LEASE_MS = 30_000

/** After a second of attempts that took `ms` each, one after another, between which a worker waited for `idleMs`; calls take `callMs`. */
function after(ms: number, { idleMs = 0, callMs = 5, leaseMs = LEASE_MS } = {}): number {
  const ahead = new ClaimAhead(leaseMs, 0)
  let allowance = 0
  for (let now = 0, ended = 0; now < 1_000; now += ms + idleMs) {
    ahead.called(callMs)
    allowance = ahead.allowance(now, { ended, busyMs: ended * ms })
    ended++
  }
  return allowance
}

test('as much is claimed ahead as gets done while four calls are under way', () => {
  expect(after(1)).toBe(21)
  expect(after(1, { callMs: 10 })).toBe(41)
  expect(after(50)).toBe(0)
})

test('it is at most 200 ms of work and a quarter of the lease', () => {
  expect(after(1, { callMs: 1_000 })).toBe(200)
  expect(after(1, { callMs: 1_000, leaseMs: 400 })).toBe(100)
})

test('the time in which a worker waits for the store does not make it slow', () => {
  expect(after(1, { idleMs: 9 })).toBe(21)
})

test('no more than twice what was finished lately, and what was long ago is forgotten', () => {
  const ahead = new ClaimAhead(LEASE_MS, 0)
  ahead.called(100)
  expect(ahead.allowance(10, { ended: 0, busyMs: 0 })).toBe(0)
  expect(ahead.allowance(20, { ended: 7, busyMs: 0.07 })).toBe(14)
  expect(ahead.allowance(260, { ended: 7, busyMs: 0.07 })).toBe(14)
  expect(ahead.allowance(5_000, { ended: 7, busyMs: 0.07 })).toBe(0)
})

test('a worker of one slot and quick jobs soon moves whole batches', async () => {
  const { clock, store, consumer } = setupLoop({ max: 1 })
  let made = 0
  store.settle = async ({ want }) => {
    await new Promise<void>((resolve) => clock.after(2, resolve))
    return { jobs: Array.from({ length: want?.limit ?? 0 }, () => claimedJob(`j${made++}`)), nextDueInMs: 0 }
  }
  consumer.open()
  await clock.advance(40)
  consumer.close()
  expect(Math.max(...store.calls.map(({ want }) => want?.limit ?? 0))).toBe(500)
})
