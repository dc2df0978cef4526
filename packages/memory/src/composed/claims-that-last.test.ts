/** Which claims a storage may forget when its server crashes. */
import type { PatchOptions } from '@sched/core/adapter'
import { afterEach, expect, test, vi } from 'vitest'
import { BOOM, claim, claimOne, job, join, settle, TYPE, World } from './world.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

async function start() {
  const world = new World()
  const node = await world.node()
  await join(node, 'w')
  const patch = vi.spyOn(Object.getPrototypeOf(world.records), 'patchMany')
  /** How the storage was asked to patch since the last look. */
  const asked = (): PatchOptions[] =>
    patch.mock.calls.splice(0).map(([, , options]) => options as PatchOptions)
  return { node, asked }
}

test('a claim need not last; what ends an attempt must', async () => {
  const { node, asked } = await start()
  await node.store.insert([job('a')])
  const claimed = await claimOne(node, 'w')
  expect(asked()).toEqual([{ read: true, lasting: false, freshRev: true }])
  await settle(node, claimed, { kind: 'retry', delayMs: 0, error: BOOM })
  expect(asked()).toEqual([{}])
})

test('a claim under a limit lasts', async () => {
  const { node, asked } = await start()
  await node.store.insert([job('a')])
  expect(await claim(node, 'w', 1, [{ type: TYPE, maxActive: 2 }])).toHaveLength(1)
  expect(asked()).toEqual([{ read: true, lasting: true, freshRev: true }])
})

test('a job that runs at most once is claimed for good: at first by writing it whole, then like all of its type', async () => {
  const { node, asked } = await start()
  const once = { delivery: 'at-most-once' } as const
  await node.store.insert([job('a', once)])
  const whole = node.storage.calls.get('compareAndSet') ?? 0
  await claimOne(node, 'w')
  expect(asked()).toEqual([{ read: true, lasting: false, freshRev: true }])
  expect(node.storage.calls.get('compareAndSet')).toBe(whole + 1)
  await node.store.insert([job('b', once), job('c')])
  expect(await claim(node, 'w')).toHaveLength(2)
  expect(asked()).toEqual([{ read: true, lasting: true, freshRev: true }])
})
