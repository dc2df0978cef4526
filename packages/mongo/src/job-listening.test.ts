import { BACKEND, type JobStore } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import { MongoClient } from 'mongodb'
import { expect, onTestFinished, test } from 'vitest'
import { mongo } from './index.ts'
import { JobListening } from './job-listening.ts'
import type { Wakes } from './wakes.ts'

function recorded() {
  const calls: string[] = []
  let now = 0
  const wakes = {
    rest: (keys: Iterable<string>) => calls.push(`rest ${[...keys]}`),
    attend: (keys: Iterable<string>) => calls.push(`attend ${[...keys]}`),
  } as unknown as Wakes
  const listening = new JobListening(wakes, () => now)
  const full = (ms: number): void => {
    now += ms
    listening.claimed({ jobs: 5, full: true, more: true })
  }
  return { calls, listening, full }
}

test('after a while of full claims nobody listens, until one is not full', () => {
  const { calls, listening, full } = recorded()
  listening.watched(['a', 'b'])
  for (let ms = 0; ms < 250; ms += 50) full(50)
  expect(calls).toEqual([])
  listening.claimed({ jobs: 0, full: false, more: false })
  for (let ms = 0; ms <= 300; ms += 50) full(50)
  expect(calls).toEqual(['rest a,b'])
  full(50)
  listening.claimed({ jobs: 0, full: false, more: false })
  listening.claimed({ jobs: 0, full: false, more: false })
  expect(calls).toEqual(['rest a,b', 'attend a,b'])
})

test('whoever comes or goes is listened for', () => {
  const { calls, listening, full } = recorded()
  full(0)
  full(1_000)
  expect(calls).toEqual([])
  listening.watched(['a'])
  full(0)
  full(1_000)
  listening.watched(['b'])
  full(0)
  full(1_000)
  listening.unwatched(['b'])
  expect(calls).toEqual(['rest a', 'attend a,b', 'rest a,b', 'attend a,b'])
})

test('what was inserted elsewhere while nobody listened counts as a wake afterwards', async () => {
  const client = new MongoClient(serviceUrl('mongo'))
  const db = client.db(`sched_listening_${process.pid}`)
  const [here, there] = [mongo(db), mongo(db)]
  onTestFinished(async () => {
    await Promise.all([here.close(), there.close()])
    await db.dropDatabase()
    await client.close()
  })
  const storeOf = (adapters: typeof here): JobStore =>
    adapters.storage[BACKEND]?.fuse({ scope: 'p:e:l', ...adapters }) as JobStore
  const [worker, producer] = [storeOf(here), storeOf(there)]
  await here.storage.ready?.()
  await worker.heartbeat({ id: 'w', leaseMs: 600_000, phase: 'join' }, [])
  const insert = (id: string) => producer.insert([{ id, type: 'mail', payload: null, priority: 0 }])
  const claimOne = async (type = 'mail'): Promise<number> =>
    (await worker.settle([], { worker: 'w', limit: 1, types: [{ type }] })).jobs.length
  const wakes: string[] = []
  await worker.subscribe(['mail', 'note'], (type) => wakes.push(type))
  await insert('first')
  await expect.poll(() => wakes).toContain('mail')
  expect(await claimOne()).toBe(1)

  const start = performance.now()
  for (let i = 0; performance.now() - start < 600; i++) {
    await insert(`job-${i}`)
    expect(await claimOne()).toBe(1)
  }
  await insert('last')
  wakes.length = 0
  expect(await claimOne('note')).toBe(0)
  await expect.poll(() => wakes).toContain('mail')
  wakes.length = 0
  await insert('one more')
  await expect.poll(() => wakes).toContain('mail')
})
