import type { ClaimedJob, Outcome } from '@sched/core/adapter'
import { expect, onTestFinished, test } from 'vitest'
import { redis } from './index.ts'
import { claim, complete, job, join, openStore } from './jobs.support.ts'
import { ownServer } from './own-server.support.ts'

const { server, admin } = await ownServer()

test('a server that is full is worked off by workers that start then, and they find a leader', async () => {
  const { store, close } = await openStore({ url: server.url })
  const { lock, close: closeLock } = redis(server.url)
  onTestFinished(async () => {
    await admin.config('SET', 'maxmemory', '0')
    await Promise.all([close(), closeLock()])
  })
  await lock.ready?.()
  await store.insert(['a', 'b', 'c', 'd'].map((id) => job(id)))
  await admin.config('SET', 'maxmemory', '1')
  await join(store)
  expect(await store.heartbeat({ id: 'w', leaseMs: 60_000 }, [])).toMatchObject({ alive: true })
  const [first, second] = await claim(store, 2)
  await complete(store, [first as ClaimedJob, second as ClaimedJob])
  // as after a lost answer: nothing of it is held any more, and so nothing is deleted
  const again: Outcome = { id: first?.id ?? '', token: first?.token ?? '', kind: 'complete' }
  const { settled, jobs } = await store.settle([again], { worker: 'w', limit: 1, types: [{ type: 'mail' }] })
  expect([settled, jobs.map(({ id }) => id)]).toEqual([['ok'], ['c']])
  await complete(store, jobs)
  const unsubscribe = await store.subscribe(['mail'], () => undefined)
  await unsubscribe()
  expect(await store.change(['d'], { kind: 'discard' })).toEqual(['ok'])
  expect(await claim(store)).toEqual([])
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 0, completed: 3 })
  expect(await lock.acquire('leader', 'w', 60_000)).toBe(true)
  expect(await lock.acquire('leader', 'w', 60_000)).toBe(true)
  await expect(store.insert([job('e')])).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: false })
})
