import { BACKEND, type ClaimedJob, type JobStore, type NewJob, type Settled } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import { type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mongo } from './index.ts'
import { STATE } from './job-document.ts'
import { JOBS } from './job-indexes.ts'
import { isOwnKey, jobKey, keyText } from './job-key.ts'
import { tripsOf } from './job-trips.support.ts'

const client = new MongoClient(serviceUrl('mongo'), { monitorCommands: true })
const db = client.db(`sched_jobs_${process.pid}`)
const adapters = mongo(db)
const jobs = db.collection<Document>(`sched_${JOBS}`)
let scopes = 0

async function opened(): Promise<JobStore> {
  const store = adapters.storage[BACKEND]?.fuse({ scope: `p:e:${scopes++}`, ...adapters }) as JobStore
  await store.heartbeat({ id: 'w', leaseMs: 600_000, phase: 'join' }, [])
  return store
}

function job(id: string, more: Partial<NewJob> = {}): NewJob {
  return { id, type: 'mail', payload: { of: id }, priority: 0, ...more }
}

function many(count: number, more: Partial<NewJob> = {}): NewJob[] {
  return Array.from({ length: count }, (_, i) => job(`job-${String(i).padStart(4, '0')}`, more))
}

const none = { completed: { count: 0 } }

const want = (limit: number, ...types: string[]) => ({
  worker: 'w',
  limit,
  types: (types.length > 0 ? types : ['mail']).map((type) => ({ type })),
})

function done({ id, token }: ClaimedJob) {
  return { id, token, kind: 'complete' } as const
}

beforeAll(async () => {
  await adapters.storage.ready?.()
})

afterAll(async () => {
  await adapters.close()
  await db.dropDatabase()
  await client.close()
})

test('enqueue and settle are one trip, a claim is two, and settling goes beside it', async () => {
  const store = await opened()
  await store.insert([job('first')])
  expect((await tripsOf(client, () => store.insert(many(300, { retention: none })))).inRow).toBe(1)
  const { jobs: first } = await store.settle([], want(101))
  expect(first).toHaveLength(101)
  const claim = await tripsOf(client, () => store.settle([], want(100)))
  expect([claim.inRow, claim.commands.length]).toEqual([2, 3])
  const settle = await tripsOf(client, () => store.settle(first.slice(0, 50).map(done)))
  expect([settle.inRow, settle.commands.length]).toEqual([1, 1])
  const both = await tripsOf(client, () => store.settle(first.slice(50).map(done), want(100)))
  expect([both.inRow, both.commands.length]).toEqual([2, 4])
  expect((await tripsOf(client, () => store.heartbeat({ id: 'w', leaseMs: 600_000 }, first))).inRow).toBe(3)
})

test('jobs that end alike are one statement, whatever ends between them, and each is counted', async () => {
  const store = await opened()
  await store.insert([
    ...['a', 'b', 'c'].map((id) => job(id, { retention: none })),
    job('kept'),
    ...['d', 'broken', 'e'].map((id) => job(id, { retention: none })),
  ])
  const { jobs: claimed } = await store.settle([], want(10))
  const outcomes = claimed.map((one) => {
    if (one.id === 'broken')
      return { ...done(one), kind: 'fail', reason: 'error', error: { name: 'Error', message: '' } } as const
    return { ...done(one), durationMs: 10, ...(one.id === 'b' && { result: 1 }) }
  })
  const { commands } = await tripsOf(client, () => store.settle(outcomes))
  const found = commands.map(({ updates }) =>
    (updates as { q: { _id: { $in?: unknown[] } } }[]).map(({ q }) => q._id.$in?.length ?? 1),
  )
  expect(found).toEqual([[5, 1, 1, 1]])
  expect((await store.counts()).types.mail).toMatchObject({ completed: 6, failed: 1, durationMs: 60 })
  expect(await store.get(['kept', 'a'])).toMatchObject([{ state: 'completed' }, null])
})

/** A worker that has claimed before, and is woken by each insert. */
async function woken(onWake: () => void = () => undefined): Promise<JobStore> {
  const store = await opened()
  await store.settle([], want(1))
  await store.subscribe(['mail'], onWake)
  // the driver opens few connections at a time: what goes beside each other needs them to be there
  await Promise.all(Array.from({ length: 8 }, () => store.get(['first'])))
  return store
}

test('a worker that was woken claims one job in one trip of two commands, and what else there is by its next claim, in order', async () => {
  const store = await woken()
  const claimed = async (limit: number) => {
    let answer: Settled | undefined
    const { inRow, commands } = await tripsOf(client, async () => {
      answer = await store.settle([], want(limit))
    })
    return { ...(answer as Settled), trips: inRow, commands: commands.length }
  }
  await store.insert([job('alone')])
  const alone = await claimed(10)
  expect(alone).toMatchObject({ jobs: [{ id: 'alone', attempt: 1 }], trips: 1, commands: 2, nextDueInMs: 0 })
  await store.settle(alone.jobs.map(done))
  expect(await store.get(['alone'])).toMatchObject([{ state: 'completed', attempt: 1 }])
  expect(await claimed(10)).toMatchObject({ jobs: [], nextDueInMs: null })

  await store.insert([job('b'), job('c', { priority: -1 }), job('a', { priority: 1 })])
  expect(await claimed(10)).toMatchObject({ jobs: [{ id: 'a', attempt: 1 }], trips: 1, nextDueInMs: 0 })
  // woken again, but there is more than one: so it looks
  await store.insert([job('d', { priority: -2 })])
  expect(await claimed(2)).toMatchObject({ jobs: [{ id: 'b' }, { id: 'c' }], trips: 2, nextDueInMs: 0 })
  expect(await claimed(2)).toMatchObject({ jobs: [{ id: 'd' }], nextDueInMs: null })
})

test('what a woken worker took, and the look forbids, goes back as it was, and wakes who looked meanwhile', async () => {
  let wakes = 0
  const store = await woken(() => {
    wakes++
  })
  const other = adapters.storage[BACKEND]?.fuse({ scope: `p:e:${scopes - 1}`, ...adapters }) as JobStore
  await other.pause('mail', true)
  await store.insert([job('paused')])
  const wakesBefore = wakes
  expect((await store.settle([], want(1))).jobs).toEqual([])
  expect(wakes - wakesBefore).toBe(1)
  expect(await store.get(['paused'])).toMatchObject([{ state: 'pending', attempt: 0, worker: null }])
  await other.pause('mail', false)
  expect((await store.settle([], want(1))).jobs).toMatchObject([{ id: 'paused', attempt: 1 }])

  // due, while its state still says that it waits
  await other.insert([job('due', { delayMs: 1, priority: 5 })])
  await expect.poll(async () => (await store.settle([], want(0))).nextDueInMs).toBe(0)
  await store.insert([job('ready')])
  expect((await store.settle([], want(1))).jobs).toMatchObject([{ id: 'due', attempt: 1 }])
  expect(await store.get(['ready'])).toMatchObject([{ state: 'pending', attempt: 0 }])
})

test('what a woken worker takes of an at-most-once job a majority has; what has expired it leaves', async () => {
  const store = await woken()
  await store.insert([job('once', { delivery: 'at-most-once' })])
  const { commands } = await tripsOf(client, () => store.settle([], want(1)))
  expect(
    commands.filter(({ update }) => typeof update === 'string').map(({ writeConcern }) => writeConcern),
  ).toMatchObject([{ w: 'majority', j: true }])
  await store.insert([job('late', { expiresAt: 1 }), job('in time', { expiresInMs: 600_000 })])
  expect((await store.settle([], want(1))).jobs).toMatchObject([{ id: 'in time', attempt: 1 }])
  expect(await store.get(['once', 'late'])).toMatchObject([
    { state: 'running', attempt: 1 },
    { state: 'failed', reason: 'expired' },
  ])
})

test('a delay costs a look at the clock at most, a limit two trips before the claim and one after it', async () => {
  const store = await opened()
  await store.insert([job('first')])
  expect(
    (await tripsOf(client, () => store.insert([job('later', { delayMs: 60_000 })]))).inRow,
  ).toBeLessThanOrEqual(2)
  await store.insert(many(20))
  // the driver opens few connections at a time: what goes beside each other needs them to be there
  await Promise.all(Array.from({ length: 8 }, () => store.get(['first'])))
  const limited = { worker: 'w', limit: 5, types: [{ type: 'mail', maxActive: 10 }] }
  const claim = await tripsOf(client, () => store.settle([], limited))
  expect(claim.inRow).toBeLessThanOrEqual(4)
})

test('with a backlog of every kind a claim reads its own jobs by index and hardly more', async () => {
  const store = await opened()
  await store.insert(many(1_000, { type: 'other', priority: 5 }))
  await store.insert(
    Array.from({ length: 1_000 }, (_, i) => job(`later-${i}`, { priority: 9, delayMs: 600_000 })),
  )
  await store.insert(many(1_000))
  await store.pause('other', true)
  await store.settle([], want(300))
  const { commands } = await tripsOf(client, () => store.settle([], want(100, 'mail', 'note')))
  const finds = commands.filter(({ find }) => find === jobs.collectionName)
  expect(finds).toHaveLength(2)
  for (const { find, filter, sort, projection, limit, hint } of finds) {
    const explained = await db.command({
      explain: {
        find,
        filter,
        limit,
        ...(sort && { sort }),
        ...(projection && { projection }),
        ...(hint && { hint }),
      },
      verbosity: 'executionStats',
    })
    const { totalKeysExamined, totalDocsExamined, nReturned } = explained.executionStats
    expect(JSON.stringify(explained)).not.toContain('COLLSCAN')
    expect(totalDocsExamined).toBeLessThanOrEqual(2 * nReturned)
    // and one key a type, where the types are merged
    expect(totalKeysExamined).toBeLessThanOrEqual(2 * nReturned + 2)
  }
})

test('ids of any kind have keys of their own, and come back as they were', async () => {
  const store = await opened()
  const uuid = '0190a0b0-1111-7222-8333-444455556666'
  const hashed = keyText(jobKey(1, 'other'))
  const looksHashed = `${hashed.slice(0, 8)}-${hashed.slice(8, 12)}-${hashed.slice(12, 16)}-${hashed.slice(16, 20)}-${hashed.slice(20)}`
  const ids = [uuid, uuid.toUpperCase(), looksHashed, 'other', 'é:%{}$.', '$where', 'x'.repeat(1_024)]
  expect(ids.map(isOwnKey)).toEqual([true, false, false, false, false, false, false])
  expect(new Set(ids.map((id) => keyText(jobKey(1, id)))).size).toBe(ids.length)
  await store.insert(ids.map((id) => job(id)))
  expect((await store.get(ids)).map((record) => record?.id)).toEqual(ids)
  expect((await store.settle([], want(10))).jobs.map(({ id }) => id)).toEqual(ids)
})

test('scopes with equal ids and types share nothing', async () => {
  const [one, other] = [await opened(), await opened()]
  expect(await one.insert([job('a', { payload: 1 })])).toEqual(['inserted'])
  expect(await other.insert([job('a', { payload: 2 })])).toEqual(['inserted'])
  expect((await one.settle([], want(10))).jobs.map(({ payload }) => payload)).toEqual([1])
  expect((await other.counts()).types.mail).toMatchObject({ pending: 1, running: 0 })
  expect((await other.list({})).jobs).toHaveLength(1)
})

test('priority and due decide across full batches, and what is put back in between is not forgotten', async () => {
  const store = await opened()
  await store.insert(many(200))
  const first = (await store.settle([], want(60))).jobs
  expect(first[0]?.id).toBe('job-0000')
  await store.insert(Array.from({ length: 10 }, (_, i) => job(`high-${i}`, { priority: 7 })))
  const second = (await store.settle([], want(60))).jobs
  expect(second.slice(0, 11).map(({ id }) => id)).toEqual([
    ...Array.from({ length: 10 }, (_, i) => `high-${i}`),
    'job-0060',
  ])
  const { id, token } = first[0] as ClaimedJob
  await store.settle([{ id, token, kind: 'release' }])
  expect((await store.settle([], want(60))).jobs[0]?.id).toBe('job-0000')
})

test('claims of several types keep the order over all of them', async () => {
  const store = await opened()
  const types = ['a', 'b', 'c']
  const mixed = many(90).map((one, i) => ({ ...one, type: types[i % 3] as string }))
  await store.insert(mixed)
  const claimed = [
    ...(await store.settle([], want(50, ...types))).jobs,
    ...(await store.settle([], want(50, ...types))).jobs,
  ]
  expect(claimed.map(({ id }) => id)).toEqual(mixed.map(({ id }) => id))
})

test('what comes due at once is claimed by priority, and more than one round of it', async () => {
  const store = await opened()
  const delayMs = 150
  await store.insert(many(1_000, { delayMs, retention: none }))
  await store.insert(Array.from({ length: 300 }, (_, i) => job(`high-${i}`, { delayMs, priority: 3 })))
  const seen: ClaimedJob[] = []
  await expect
    .poll(
      async () => {
        seen.push(...(await store.settle([], want(1_000))).jobs)
        return seen.length
      },
      { timeout: 10_000 },
    )
    .toBe(1_300)
  const starts = await store.get(seen.map(({ id }) => id))
  expect(starts.filter((one) => (one?.startedAt ?? 0) < (one?.runAt ?? 0))).toEqual([])
})

test('of a job that ended and is not kept only its id stays, until its time is over; counters stay', async () => {
  const store = await opened()
  await store.insert(many(100, { retention: none, rememberMs: 0 }))
  const claimed = (await store.settle([], want(100))).jobs
  const keys = claimed.map(({ id }) => id)
  await store.settle(claimed.map((one) => ({ ...done(one), durationMs: 2 })))
  expect(await store.get(keys)).toEqual(keys.map(() => null))
  await expect.poll(async () => (await store.sweep({})).more).toBe(false)
  expect(await store.insert([job('job-0000')])).toEqual(['inserted'])
  expect((await store.counts()).types.mail).toMatchObject({ completed: 100, durationMs: 200 })
})

test('only what has ended can be deleted by the server itself, and everything that ended will be', async () => {
  const store = await opened()
  const ids = ['ttl-0', 'ttl-1', 'ttl-2', 'ttl-3']
  await store.insert(ids.map((id) => job(id, { maxRetries: 1, retention: { failed: { ageMs: 1_000 } } })))
  const [a, b, c] = (await store.settle([], want(3))).jobs as [ClaimedJob, ClaimedJob, ClaimedJob]
  const error = { name: 'E', message: 'x' }
  await store.settle([done(a), { ...b, kind: 'fail', reason: 'error', error }])
  await store.settle([{ ...c, kind: 'retry', delayMs: 600_000, error }])
  await store.change([b.id], { kind: 'retry' })
  const found = await jobs.find({ i: { $in: ids } }).toArray()
  expect(found.map(({ i, s, x }) => [i, s, x !== undefined]).sort()).toEqual([
    ['ttl-0', STATE.completed, true],
    ['ttl-1', STATE.ready, false],
    ['ttl-2', STATE.waiting, false],
    ['ttl-3', STATE.ready, false],
  ])
  const indexes = await jobs.indexes()
  expect(
    indexes.filter(({ expireAfterSeconds }) => expireAfterSeconds !== undefined).map(({ key }) => key),
  ).toEqual([{ x: 1 }])
})

test('many settled at once of a type with a bound stay about the bound, and never fewer', async () => {
  const store = await opened()
  await store.insert(many(260, { retention: { completed: { count: 100, ageMs: 600_000 } } }))
  for (let round = 0; round < 26; round++) {
    const { jobs: some } = await store.settle([], want(10))
    await store.settle(some.map(done))
  }
  const { jobs: kept } = await store.list({ state: 'completed', limit: 1_000 })
  expect(kept.length).toBeGreaterThanOrEqual(100)
  expect(kept.length).toBeLessThanOrEqual(110)
  expect(kept.map(({ id }) => id)).toContain('job-0259')
  expect((await store.counts()).types.mail).toMatchObject({ completed: 260 })
})

test('a job claimed through one store is settled through another', async () => {
  const store = await opened()
  const other = adapters.storage[BACKEND]?.fuse({ scope: `p:e:${scopes - 1}`, ...adapters }) as JobStore
  await store.insert(many(3, { maxRetries: 1 }))
  const [a, b, c] = (await store.settle([], want(3))).jobs as [ClaimedJob, ClaimedJob, ClaimedJob]
  const { settled } = await other.settle([
    done(a),
    { id: b.id, token: b.token, kind: 'release' },
    { id: c.id, token: '5@w', kind: 'complete' },
  ])
  expect(settled).toEqual(['ok', 'ok', 'stale'])
  expect((await other.get([a.id, b.id, c.id])).map((one) => one?.state)).toEqual([
    'completed',
    'pending',
    'running',
  ])
  expect((await store.counts()).types.mail).toMatchObject({ completed: 1, pending: 1, running: 1 })
})

test('a job that is cancelled without a reason keeps that of the request', async () => {
  const store = await opened()
  await store.insert([job('asked'), job('said')])
  const { jobs: claimed } = await store.settle([], want(2))
  await store.change(['asked', 'said'], { kind: 'cancel', reason: 'why' })
  await store.settle(
    claimed.map(({ id, token }) => ({ id, token, kind: 'cancel', ...(id === 'said' && { reason: 'mine' }) })),
  )
  expect((await store.get(['asked', 'said'])).map((one) => one?.reason)).toEqual(['why', 'mine'])
})
