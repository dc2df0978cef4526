import { once } from 'node:events'
import type { ClaimedJob, ClaimRequest, JobStore } from '@sched/core/adapter'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { job, join, openStore } from './jobs.support.ts'
import { everyKeyOf } from './keys.ts'
import { ownServer } from './own-server.support.ts'

const { server, admin } = await ownServer()

/** A worker `w` whose process listens, and another process. */
async function opened() {
  const mine = await openStore({ url: server.url })
  const other = await openStore({ url: server.url }, mine.prefix)
  onTestFinished(async () => {
    await mine.close()
    await other.close()
  })
  await join(mine.store)
  const handed: ClaimedJob[] = []
  let heard: (() => void) | undefined
  const want = (over: Partial<ClaimRequest> = {}): ClaimRequest => ({
    worker: 'w',
    limit: 1,
    types: [{ type: 'mail' }],
    handOver: (job) => {
      handed.push(job)
      heard?.()
    },
    ...over,
  })
  const nextHanded = (): Promise<void> =>
    new Promise((resolve) => {
      heard = resolve
    })
  await listening(mine.store, mine.prefix, want())
  return { store: mine.store, other: other.store, prefix: mine.prefix, handed, want, nextHanded }
}

/** Claims until the claim stays open. */
async function listening(store: JobStore, prefix: string, want: ClaimRequest): Promise<void> {
  do await store.settle([], want)
  while ((await openClaims(prefix)).length === 0)
}

async function openClaims(prefix: string): Promise<string[]> {
  const fields = Object.entries(await admin.hgetall(`{${prefix}:j:a%3Ab%3Ac}o`))
  return fields.filter(([name, open]) => name.startsWith('w') && open !== '').map(([name]) => name)
}

async function stateOf(store: JobStore, id: string): Promise<string | undefined> {
  return (await store.get([id]))[0]?.state
}

test('a job that comes alone is claimed for a worker whose claim is open, and given to it', async () => {
  const { store, other, handed, nextHanded } = await opened()
  const arrival = nextHanded()
  expect(await other.insert([job('a', { payload: { täxt: 'é' } })])).toEqual(['inserted'])
  await arrival
  expect(handed).toMatchObject([{ id: 'a', type: 'mail', payload: { täxt: 'é' }, attempt: 1, failures: 0 }])
  expect((await store.get(['a']))[0]).toMatchObject({
    state: 'running',
    worker: 'w',
    fence: handed[0]?.fence,
  })
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 1 })
  const { id = '', token = '' } = handed[0] ?? {}
  expect(await store.heartbeat({ id: 'w', leaseMs: 60_000, claimGraceMs: 0 }, [{ id, token }])).toMatchObject(
    { lost: [] },
  )
  expect((await store.settle([{ id, token, kind: 'complete' }])).settled).toEqual(['ok'])
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 0, completed: 1 })
})

test('an open claim is handed one job; the next one waits until it is asked for', async () => {
  const { store, other, handed, want, nextHanded } = await opened()
  const arrival = nextHanded()
  await other.insert([job('a')])
  await other.insert([job('b')])
  await arrival
  expect(await stateOf(other, 'b')).toBe('pending')
  expect((await store.settle([], want({ limit: 2 }))).jobs.map(({ id }) => id)).toEqual(['b'])
  expect(handed.map(({ id }) => id)).toEqual(['a'])
})

test('what is on its way counts against the limit of the next claim', async () => {
  const { store, other, prefix, handed, want, nextHanded } = await opened()
  for (let round = 0; round < 40; round++) {
    await listening(store, prefix, want())
    const before = handed.length
    const arrival = nextHanded()
    await other.insert([job(`a${round}`)])
    await other.insert([job(`b${round}`)])
    const arrived = handed.length - before
    const { jobs } = await store.settle([], want({ limit: 1 - arrived }))
    expect(arrived + jobs.length).toBeLessThanOrEqual(1)
    await arrival
    expect(handed.length).toBe(before + 1)
    const rest = (await store.settle([], want({ limit: 10 }))).jobs
    expect([...jobs, ...rest].map(({ id }) => id)).toEqual([`b${round}`])
    await store.settle(
      [...jobs, ...rest, ...handed.slice(before)].map(({ id, token }) => ({ id, token, kind: 'complete' })),
    )
  }
})

test('of several that wait each is handed one job, and one that left is passed over', async () => {
  const { store, other, prefix, want } = await opened()
  for (const worker of ['w1', 'w2', 'w3']) {
    await join(store, worker)
    await store.settle([], want({ worker }))
  }
  expect((await openClaims(prefix)).sort()).toEqual(['ww', 'ww1', 'ww2', 'ww3'])
  // the latest, and the one after it
  await store.heartbeat({ id: 'w3', leaseMs: 60_000, phase: 'leave' }, [])
  await store.settle([], want({ worker: 'w2', limit: 0 }))
  for (const id of ['a', 'b', 'c']) await other.insert([job(id)])
  const holders = (await other.get(['a', 'b', 'c'])).map((record) => record?.worker)
  expect([holders.slice(0, 2).sort(), holders[2]]).toEqual([['w', 'w1'], null])
  expect(await stateOf(other, 'c')).toBe('pending')
})

test('a worker that renewed its lease is handed jobs after the first end of it', async () => {
  const { store, other, prefix, want, nextHanded } = await opened()
  await store.heartbeat({ id: 'w', leaseMs: 200 }, [])
  await listening(store, prefix, want())
  const end = (await store.workers())[0]?.until ?? 0
  await store.heartbeat({ id: 'w', leaseMs: 60_000 }, [])
  let now: number
  do now = Number((await admin.time())[0]) * 1000
  while (now <= end + 1000)
  const arrival = nextHanded()
  await other.insert([job('a')])
  await arrival
  expect(await stateOf(other, 'a')).toBe('running')
})

test.each([
  ['a batch', async (other: JobStore) => void (await other.insert([job('a'), job('b')]))],
  ['a delayed job', async (other: JobStore) => void (await other.insert([job('a', { delayMs: 60_000 })]))],
  [
    'a job that expires',
    async (other: JobStore) => void (await other.insert([job('a', { expiresInMs: 60_000 })])),
  ],
  [
    'an at-most-once job',
    async (other: JobStore) => void (await other.insert([job('a', { delivery: 'at-most-once' })])),
  ],
  ['another type', async (other: JobStore) => void (await other.insert([job('a', { type: 'note' })]))],
])('%s is not handed over', async (_, insert) => {
  const { other } = await opened()
  await insert(other)
  expect(await stateOf(other, 'a')).toBe('pending')
})

test('nothing is handed over of a paused type, nor before what waits, nor to a type with a limit', async () => {
  const { store, other, prefix, want } = await opened()
  await other.pause('mail', true)
  await other.insert([job('paused')])
  expect(await stateOf(other, 'paused')).toBe('pending')
  await listening(store, prefix, want())
  await other.pause('mail', false)
  expect(await openClaims(prefix)).toEqual([])
  await other.insert([job('behind', { priority: 20 })])
  expect(await stateOf(other, 'behind')).toBe('pending')
  const types = [{ type: 'note', maxActive: 1 }, { type: 'memo' }]
  await listening(store, prefix, want({ types }))
  await other.insert([job('limited', { type: 'note' })])
  expect(await stateOf(other, 'limited')).toBe('pending')
})

test('a wake of one type ends the open claims that take it: they ask anew, for all their types', async () => {
  const { store, other, prefix, want } = await opened()
  await listening(store, prefix, want({ types: [{ type: 'mail' }, { type: 'note' }] }))
  await other.insert([job('a', { type: 'note', priority: 20 }), job('b', { type: 'note' })])
  await other.insert([job('c')])
  expect(await stateOf(other, 'c')).toBe('pending')
})

test('nothing is handed to a worker whose lease is over, that left, or whose process does not listen', async () => {
  const { store, other, prefix, want } = await opened()
  for (const phase of ['active', 'join'] as const) {
    await listening(store, prefix, want())
    await store.heartbeat({ id: 'w', leaseMs: 1, phase }, [])
    do await admin.ping()
    while (((await store.workers())[0]?.until ?? 0) > Number((await admin.time())[0]) * 1000)
    await other.insert([job(phase)])
    expect(await stateOf(other, phase)).toBe('pending')
    await store.heartbeat({ id: 'w', leaseMs: 60_000 }, [])
    expect((await store.settle([], want())).jobs.map(({ id }) => id)).toEqual([phase])
  }

  await listening(store, prefix, want())
  await admin.call('client', 'kill', 'type', 'pubsub')
  await other.insert([job('b')])
  expect(await stateOf(other, 'b')).toBe('pending')
  expect((await store.settle([], want())).jobs.map(({ id }) => id)).toEqual(['b'])

  await listening(store, prefix, want())
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'leave' }, [])
  await other.insert([job('c')])
  expect(await stateOf(other, 'c')).toBe('pending')
  const keys: string[] = []
  for await (const found of admin.scanStream({ match: everyKeyOf(prefix) })) keys.push(...(found as string[]))
  const left = keys.filter((key) => key.includes('}o'))
  // the last fence and how many run are all that is left
  expect(left).toEqual([expect.stringMatching(/\}o$/)])
  expect((await admin.hkeys(left[0] as string)).sort()).toEqual(['', 'rmail'])
})

test('what arrives too late is left to the heartbeat, which gives it back', async () => {
  const { store, other, handed } = await opened()
  const listener = new Redis(server.url)
  onTestFinished(() => listener.disconnect())
  await listener.psubscribe('*')
  const published = once(listener, 'pmessage')
  const now = performance.now()
  const late = vi.spyOn(performance, 'now').mockImplementation(() => now + 6_000)
  onTestFinished(() => void late.mockRestore())
  await other.insert([job('a')])
  await published
  await admin.ping()
  late.mockRestore()
  expect(handed).toEqual([])
  expect(await stateOf(store, 'a')).toBe('running')
  await store.heartbeat({ id: 'w', leaseMs: 60_000, claimGraceMs: 0 }, [])
  expect(await stateOf(store, 'a')).toBe('pending')
})
