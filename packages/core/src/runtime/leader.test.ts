import { expect, test } from 'vitest'
import type { ILockAdapter } from '../contracts/lock-adapter.ts'
import { UnavailableError } from '../errors/sched-error.ts'
import { Events } from '../telemetry/events.ts'
import { EmptyLogger } from '../telemetry/logger.ts'
import { ManualClock } from '../values/manual-clock.ts'
import { Leader } from './leader.ts'

function setup(lock: Partial<ILockAdapter>) {
  const clock = new ManualClock()
  const told: string[] = []
  const worker = { id: 'w#1' }
  const events = new Events(new EmptyLogger())
  events.on('error', ({ during }) => told.push(`error: ${during}`))
  const leader = new Leader({
    clock,
    events,
    lock: lock as ILockAdapter,
    ttlMs: 3_000,
    worker: () => worker.id,
    onAcquired: () => told.push('acquired'),
    onLost: () => told.push('lost'),
  })
  return { clock, leader, told, events, worker }
}

test('a lock adapter without terms elects as well: acquire, then renew each third of the lock, release at the end', async () => {
  const calls: string[] = []
  const { clock, leader, told } = setup({
    acquire: async (_, owner, ttl) => calls.push(`acquire ${owner} ${ttl}`) > 0,
    renew: async () => calls.push('renew') > 0,
    release: async () => void calls.push('release'),
  })
  await leader.start()
  await clock.advance(3_000)
  expect(leader.isLeader).toBe(true)
  await leader.stop()
  expect(calls).toEqual(['acquire w#1 3000', 'renew', 'renew', 'renew', 'release'])
  expect(told).toEqual(['acquired', 'lost'])
  expect(clock.pending).toBe(0)
})

test('after the worker was replaced, leadership is told under its new id, and taken under it the next time', async () => {
  const owners: string[] = []
  let away = false
  const { clock, leader, events, worker } = setup({
    acquireLease: async (_, owner) => {
      owners.push(owner)
      return away ? null : { token: owners.length }
    },
    release: async () => {},
  })
  const told: unknown[] = []
  events.on('leadershipLost', (event) => told.push(event.worker))
  events.on('leadershipAcquired', (event) => told.push(event.worker))
  await leader.start()
  await clock.settle()
  worker.id = 'w#2'
  await clock.advance(1_000)
  away = true
  await clock.advance(1_000)
  away = false
  await clock.advance(1_000)
  expect(owners).toEqual(['w#1', 'w#1', 'w#1', 'w#2'])
  expect(told).toEqual(['w#1', 'w#2', 'w#2'])
})

test('an answer that took longer than the lock lasts does not make a leader', async () => {
  const { clock, leader, told } = setup({
    acquireLease: async () => {
      await new Promise<void>((resolve) => clock.after(3_500, resolve))
      return { token: 1 }
    },
    release: async () => {},
  })
  await leader.start()
  await clock.advance(3_600)
  expect([leader.isLeader, told]).toEqual([false, []])
})

test('a leader whose renewals fail stops leading when its lock ends by its own clock', async () => {
  let away = false
  const { clock, leader, told } = setup({
    acquireLease: async () => {
      if (away) throw new UnavailableError('no')
      return { token: 1 }
    },
    release: async () => {},
  })
  await leader.start()
  await clock.advance(1_000)
  away = true
  await clock.advance(2_999)
  expect(leader.isLeader).toBe(true)
  await clock.advance(1)
  expect(leader.isLeader).toBe(false)
  await clock.advance(1_000)
  expect(told).toContain('lost')
  expect(told).toContain('error: leader election')
  away = false
  await clock.advance(1_000)
  expect(leader.isLeader).toBe(true)
  expect(told.filter((what) => what === 'acquired')).toHaveLength(2)
})
