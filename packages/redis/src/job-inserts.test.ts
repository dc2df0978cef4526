import type { ClaimedJob } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import { expect, onTestFinished, test } from 'vitest'
import { claim, complete, job, join, openStore } from './jobs.support.ts'

const url = serviceUrl('redis')

async function opened() {
  const { store, close } = await openStore({ url })
  onTestFinished(close)
  await join(store)
  return { store }
}

test.each([1, 3])(
  'the first insert of %i new ids that comes late, after the second one’s jobs have ended, makes no job',
  async (many) => {
    const { store } = await opened()
    const first = Array.from({ length: many }, (_, i) =>
      job(`new-${i}`, { fresh: true, retention: { completed: { count: 0 } } }),
    )
    const second = first.map((one) => ({ ...one, fresh: false }))
    expect(await store.insert(second)).toEqual(second.map(() => 'inserted'))
    await complete(store, await claim(store))
    await store.insert(first)
    expect((await store.counts()).types.mail).toMatchObject({ pending: 0, completed: many })
    expect(await store.get(first.map(({ id }) => id))).toEqual(first.map(() => null))
    expect(await store.insert([job('other', { fresh: true })])).toEqual(['inserted'])
  },
)

test('a worker that leaves gives back more jobs than one call names, and fails those that run at most once', async () => {
  const { store } = await opened()
  const ids = Array.from({ length: 2_500 }, (_, i) => `j${String(i).padStart(4, '0')}`)
  const jobs = ids.map((id, i) => job(id, i < 1_200 ? { delivery: 'at-most-once' } : {}))
  for (let from = 0; from < jobs.length; from += 500) await store.insert(jobs.slice(from, from + 500))
  const held: ClaimedJob[] = []
  while (held.length < jobs.length) held.push(...(await claim(store, 1_000)))
  const started = held.slice(0, 1_100).map(({ id, token }) => ({ id, token }))
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'leave' }, started)
  expect((await store.counts()).types.mail).toMatchObject({ pending: 1_400, running: 0, failed: 1_100 })
  await join(store, 'other')
  const again: ClaimedJob[] = []
  const want = { worker: 'other', limit: 1_000, types: [{ type: 'mail' }] }
  while (again.length < 1_400) again.push(...(await store.settle([], want)).jobs)
  expect(again.map(({ id }) => id).sort()).toEqual(ids.slice(1_100))
  expect(again.every(({ attempt, crashes }) => attempt === 1 && crashes === 0)).toBe(true)
})
