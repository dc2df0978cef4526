import { BACKEND, ManualClock, openJobStore } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import { memory } from '../index.ts'

test('a job from insert to its history', async () => {
  const clock = new ManualClock()
  const node = memory({ clock })
  const { store, ready, description } = openJobStore({ adapters: node, scope: 's', clock, fuse: false })
  await ready()
  expect(description).toMatchObject({ store: 'composed', tier: 'fenced' })
  await store.heartbeat({ id: 'w', leaseMs: 1000, phase: 'join' }, [])
  expect(
    await store.insert([
      { id: 'a', type: 't', payload: { n: 1 }, priority: 0 },
      { id: 'b', type: 't', payload: null, priority: 5, delayMs: 10 },
    ]),
  ).toEqual(['inserted', 'inserted'])
  const woken: string[] = []
  await store.subscribe(['t'], (t) => void woken.push(t))
  const want = { worker: 'w', limit: 10, types: [{ type: 't' }] }
  const first = await store.settle([], want)
  expect(first.jobs.map((j) => j.id)).toEqual(['a'])
  expect(first.nextDueInMs).toBe(10)
  await clock.advance(10)
  const second = await store.settle(
    [{ id: 'a', token: first.jobs[0]!.token, kind: 'complete', result: 4 }],
    want,
  )
  expect(second.settled).toEqual(['ok'])
  expect(second.jobs.map((j) => j.id)).toEqual(['b'])
  expect((await store.get(['a']))[0]).toMatchObject({ state: 'completed', result: 4 })
  await clock.advance(2000)
  expect(await store.sweep({})).toMatchObject({ dead: ['w'], recovered: 1 })
  expect(await store.settle([{ id: 'b', token: second.jobs[0]!.token, kind: 'complete' }])).toMatchObject({
    settled: ['stale'],
  })
  expect(BACKEND).toBeDefined()
  await store.close!()
  await expect(store.counts()).rejects.toMatchObject({ code: 'CLOSED' })
})
