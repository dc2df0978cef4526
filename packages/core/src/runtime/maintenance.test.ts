import { expect, test } from 'vitest'
import type { JobStore, SweepReport } from '../contracts/job-store.ts'
import { Events } from '../telemetry/events.ts'
import { EmptyLogger } from '../telemetry/logger.ts'
import { ManualClock } from '../values/manual-clock.ts'
import { Maintenance } from './maintenance.ts'

const NOTHING: SweepReport = { more: false, dead: [], recovered: 0, crashed: 0, expired: 0, pruned: 0 }

async function setUp(tend?: () => Promise<boolean>) {
  const clock = new ManualClock()
  const events = new Events(new EmptyLogger(), clock)
  const errors: string[] = []
  events.on('error', ({ during }) => errors.push(during))
  const state = { leads: true, sweeps: 0, tended: 0 }
  const store = {
    async sweep() {
      state.sweeps++
      return NOTHING
    },
    ...(tend && {
      tend: async () => {
        state.tended++
        return tend()
      },
    }),
  } as unknown as JobStore
  const maintenance = new Maintenance({
    store,
    clock,
    events,
    sweepMs: 60_000,
    schedulesMs: 60_000,
    isLeader: () => state.leads,
    sweepSchedules: async () => undefined,
  })
  await maintenance.start()
  await clock.settle()
  return { clock, state, errors, maintenance }
}

test('a store that asks for it is tended every five seconds, by the leader alone', async () => {
  const { clock, state, maintenance } = await setUp(async () => false)
  expect([state.sweeps, state.tended]).toEqual([1, 0])
  await clock.advance(10_000)
  expect([state.sweeps, state.tended]).toEqual([1, 2])
  state.leads = false
  await clock.advance(10_000)
  expect(state.tended).toBe(2)
  await maintenance.stop()
  expect(clock.pending).toBe(0)
})

test('as long as there is more to do it goes on at once', async () => {
  let left = 3
  const { clock, state } = await setUp(async () => --left > 0)
  await clock.advance(5_000)
  expect(state.tended).toBe(3)
})

test('a failure is told, and it is tried again', async () => {
  const { clock, state, errors } = await setUp(() => Promise.reject(new Error('down')))
  await clock.advance(10_000)
  expect(state.tended).toBe(2)
  expect(errors).toEqual(['tending the job store', 'tending the job store'])
})

test('a store that keeps everything in one place is not', async () => {
  const { clock, state, maintenance } = await setUp()
  await clock.advance(59_000)
  expect([state.sweeps, clock.pending]).toEqual([1, 2])
  await maintenance.stop()
})
