import { BACKEND, ManualClock } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import { memory } from './index.ts'

test('a job from insert to its history', async () => {
  const clock = new ManualClock()
  const node = memory({ clock })
  const store = node.storage[BACKEND]!.fuse({ scope: 's', storage: node.storage, broker: node.broker })!
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
  expect(woken).toEqual(['t', 't'])
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
  await node.close()
  await expect(store.counts()).rejects.toMatchObject({ code: 'CLOSED' })
  expect(clock.pending).toBe(0)
})

test('a blocked claim is served by a publish, and ends on close', async () => {
  const node = memory()
  const blocked = node.broker.claimBlocking('q', 'c', 1000, 5000)
  await node.broker.publish('q', 'x')
  expect(await blocked).toBe('x')
  const other = node.broker.claimBlocking('q', 'c', 1000, 5000)
  await node.close()
  expect(await other).toBe(null)
})
