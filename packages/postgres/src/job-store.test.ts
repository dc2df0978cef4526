import { BACKEND, type JobStore, type NewJob } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from './index.ts'
import { jobKey } from './job-key.ts'

const schema = `sched_j${process.pid}`
const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 4 })
const adapters = postgres(pool, { schema, listen: false })
let scopes = 0

async function opened(): Promise<JobStore> {
  const store = adapters.storage[BACKEND]?.fuse({ scope: `p:e:${scopes++}`, ...adapters }) as JobStore
  await store.heartbeat({ id: 'w', leaseMs: 600_000, phase: 'join' }, [])
  return store
}

function job(id: string, more: Partial<NewJob> = {}): NewJob {
  return { id, type: 'mail', payload: { of: id }, priority: 0, ...more }
}

/** How many statements the server was sent meanwhile, but for connections that make their plans (rehearsals.ts): that may be at any time. */
async function trips(work: () => Promise<unknown>): Promise<number> {
  let sent = 0
  const query = pg.Client.prototype.query
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    if (!(typeof args[0] === 'string' && /^begin;$/m.test(args[0]))) sent++
    return (query as (...all: unknown[]) => unknown).apply(this, args)
  } as typeof query
  try {
    await work()
  } finally {
    pg.Client.prototype.query = query
  }
  return sent
}

/** Until a statement of this schema waits for another transaction. */
async function untilBlocked(): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      `select from pg_stat_activity where wait_event_type = 'Lock' and query like $1`,
      [`%"${schema}"%`],
    )
    if (rows.length > 0) return
  }
}

beforeAll(async () => {
  await adapters.storage.ready?.()
})

afterAll(async () => {
  await adapters.close()
  await pool.query(`drop schema "${schema}" cascade`)
  await pool.end()
})

test('enqueue, settle with claim, heartbeat and sweep are one round trip for a batch', async () => {
  const store = await opened()
  const jobs = Array.from({ length: 300 }, (_, i) => job(`job-${i}`))
  const want = { worker: 'w', limit: 200, types: [{ type: 'mail' }] }
  expect(await trips(() => store.insert(jobs))).toBe(1)
  const first = await store.settle([], want)
  const outcomes = first.jobs.map(({ id, token }) => ({ id, token, kind: 'complete' }) as const)
  expect(outcomes).toHaveLength(200)
  expect(await trips(() => store.settle(outcomes, want))).toBe(1)
  expect(await trips(() => store.heartbeat({ id: 'w', leaseMs: 600_000 }, first.jobs))).toBe(1)
  expect(await trips(() => store.sweep({}))).toBe(1)
})

test('an id that somebody else is just inserting is known once it is committed, and the others go in', async () => {
  const store = await opened()
  const client = await pool.connect()
  for (const end of ['commit', 'rollback']) {
    await client.query('begin')
    await store.insert([job(`same-${end}`)], { transaction: client })
    const second = store.insert([job(`same-${end}`), job(`other-${end}`)])
    await untilBlocked()
    await client.query(end)
    expect(await second).toEqual([end === 'commit' ? 'exists' : 'inserted', 'inserted'])
  }
  client.release()
  const { jobs } = await store.settle([], { worker: 'w', limit: 9, types: [{ type: 'mail' }] })
  expect(jobs.map(({ id }) => id)).toEqual(['same-commit', 'other-commit', 'same-rollback', 'other-rollback'])
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 4 })
})

test('when nothing is left, nothing is due: an idle worker does not ask again', async () => {
  const store = await opened()
  const want = { worker: 'w', limit: 9, types: [{ type: 'mail' }] }
  await store.insert([job('now'), job('later', { delayMs: 60_000 })])
  const { jobs, nextDueInMs } = await store.settle([], want)
  expect(nextDueInMs).toBeGreaterThan(50_000)
  await store.change(['later'], { kind: 'discard' })
  expect(await store.settle([], want)).toMatchObject({ jobs: [], nextDueInMs: null })
  const outcomes = jobs.map(({ id, token }) => ({ id, token, kind: 'complete' }) as const)
  expect(await store.settle(outcomes, want)).toMatchObject({ settled: ['ok'], nextDueInMs: null })
})

test('a job alone goes the short way, also the first of its kind and one whose id is known', async () => {
  const store = await opened()
  const [first, second] = ['first', 'second'].map((id) => job(id))
  expect(await trips(() => store.insert([first!]))).toBe(1)
  expect(await trips(() => store.insert([second!]))).toBe(1)
  expect(await trips(async () => expect(await store.insert([second!])).toEqual(['exists']))).toBe(1)
  const options = { options: { note: 'kept' }, entityId: 'e' } as Partial<NewJob>
  expect(await store.insert([job('with-extras', options)])).toEqual(['inserted'])
  expect((await store.get(['with-extras']))[0]).toMatchObject(options)
  const { jobs } = await store.settle([], { worker: 'w', limit: 9, types: [{ type: 'mail' }] })
  expect(jobs.map(({ id }) => id)).toEqual(['first', 'second', 'with-extras'])
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 3 })
})

test('what is claimed together comes each with its own: extras, an end, a past, a large payload, bytes that cannot be read', async () => {
  const store = await opened()
  const want = { worker: 'w', limit: 9, types: [{ type: 'mail' }] }
  const one = (id: string, more: Partial<NewJob> = {}): NewJob => job(id, { maxRetries: 3, ...more })
  const retried = ['retried', 'again', 'third']
  await store.insert(retried.map((id) => one(id)))
  const first = (await store.settle([], want)).jobs
  const error = { name: 'Error', message: 'a\u001eb\nc' }
  await store.settle(first.map(({ id, token }) => ({ id, token, kind: 'retry', delayMs: 0, error })))
  const large = { text: 'x'.repeat(20_000) }
  await store.insert([
    one('plain', { payload: { text: 'a\u001eb,\n' } }),
    one('with-extras', { options: { note: 'a\u001eb' }, entityId: 'e' } as Partial<NewJob>),
    one('damaged'),
    one('large', { payload: large }),
    one('ends', { expiresInMs: 3_600_000 }),
  ])
  const half = `update "${schema}".jobs set payload = '{"half' where id = $1`
  expect((await pool.query(half, [jobKey('damaged')])).rowCount).toBe(1)
  const { jobs } = await store.settle([], want)
  const byId = new Map(jobs.map((claimed) => [claimed.id, claimed]))
  expect([...byId.keys()].sort()).toEqual([
    'again',
    'ends',
    'large',
    'plain',
    'retried',
    'third',
    'with-extras',
  ])
  for (const id of retried)
    expect(byId.get(id)).toMatchObject({ payload: { of: id }, attempt: 2, failures: 1, expiresAt: null })
  expect(byId.get('plain')).toMatchObject({
    payload: { text: 'a\u001eb,\n' },
    attempt: 1,
    failures: 0,
    entityId: null,
  })
  expect(byId.get('with-extras')).toMatchObject({ options: { note: 'a\u001eb' }, entityId: 'e', failures: 0 })
  expect(byId.get('large')).toMatchObject({ payload: large, entityId: null })
  const { expiresAt, dueAt } = byId.get('ends')!
  expect(expiresAt! - dueAt).toBeCloseTo(3_600_000, -2)
  expect((await store.get(['damaged']))[0]).toMatchObject({ state: 'failed', reason: 'undecodable' })
  // in the order of the queue, whatever came in which row
  expect(jobs.map(({ dueAt }) => dueAt)).toEqual(jobs.map(({ dueAt }) => dueAt).sort((a, b) => a - b))
})

test('a settle of part of a claim leaves the rest to its worker', async () => {
  const store = await opened()
  await store.insert(['a', 'b', 'c'].map((id) => job(id)))
  const { jobs } = await store.settle([], { worker: 'w', limit: 3, types: [{ type: 'mail' }] })
  const [a, b, c] = jobs.map(({ id, token }) => ({ id, token, kind: 'complete' }) as const)
  expect((await store.settle([b!])).settled).toEqual(['ok'])
  expect((await store.heartbeat({ id: 'w', leaseMs: 600_000, claimGraceMs: 0 }, [a!, c!])).lost).toEqual([])
  expect((await store.settle([a!, c!])).settled).toEqual(['ok', 'ok'])
  expect((await store.counts()).types.mail).toMatchObject({ pending: 0, running: 0, completed: 3 })
})

test('ids of any kind have keys of their own, and come back as they were', async () => {
  const store = await opened()
  const uuid = '0190a0b0-1111-7222-8333-444455556666'
  const ids = [uuid, uuid.toUpperCase(), jobKey('other'), 'other', 'é:%{}', 'x'.repeat(1_024)]
  expect(new Set(ids.map(jobKey)).size).toBe(ids.length)
  await store.insert(ids.map((id) => job(id)))
  expect((await store.get(ids)).map((record) => record?.id)).toEqual(ids)
  const { jobs } = await store.settle([], { worker: 'w', limit: 10, types: [{ type: 'mail' }] })
  expect(jobs.map(({ id }) => id)).toEqual(ids)
})

test('priority and due decide across full batches, and what is put back in between is not forgotten', async () => {
  const store = await opened()
  const want = { worker: 'w', limit: 60, types: [{ type: 'mail' }] }
  await store.insert(Array.from({ length: 200 }, (_, i) => job(`low-${String(i).padStart(3, '0')}`)))
  const first = await store.settle([], want)
  expect(first.jobs[0]?.id).toBe('low-000')
  await store.insert(Array.from({ length: 10 }, (_, i) => job(`high-${i}`, { priority: 7 })))
  const second = await store.settle([], want)
  expect(second.jobs.slice(0, 11).map(({ id }) => id)).toEqual([
    ...Array.from({ length: 10 }, (_, i) => `high-${i}`),
    'low-060',
  ])
  const [back] = first.jobs.map(({ id, token }) => ({ id, token, kind: 'release' }) as const)
  const third = await store.settle([back!], want)
  expect(third.jobs[0]?.id).toBe('low-000')
})

test('claims of several types keep the order over all of them', async () => {
  const store = await opened()
  const types = ['a', 'b', 'c']
  await store.insert(Array.from({ length: 90 }, (_, i) => job(`job-${i}`, { type: types[i % 3] as string })))
  const want = { worker: 'w', limit: 50, types: types.map((type) => ({ type })) }
  const claimed = [...(await store.settle([], want)).jobs, ...(await store.settle([], want)).jobs]
  expect(claimed.map(({ id }) => id)).toEqual(Array.from({ length: 90 }, (_, i) => `job-${i}`))
})

test('bodies go when their ids need not be known any more, and counters stay', async () => {
  const store = await opened()
  const retention = { completed: { count: 0 } }
  await store.insert(Array.from({ length: 100 }, (_, i) => job(`job-${i}`, { retention, rememberMs: 0 })))
  const { jobs } = await store.settle([], { worker: 'w', limit: 100, types: [{ type: 'mail' }] })
  await store.settle(jobs.map(({ id, token }) => ({ id, token, kind: 'complete', durationMs: 2 })))
  expect(await store.get(['job-0'])).toEqual([null])
  expect(await store.sweep({})).toMatchObject({ pruned: 100, more: false })
  const { rows } = await pool.query(
    `select count(*) from "${schema}".jobs j join "${schema}".scopes s on s.id = j.scope
    where s.name = $1`,
    [`p:e:${scopes - 1}`],
  )
  expect(rows[0].count).toBe('0')
  expect((await store.counts()).types.mail).toMatchObject({ completed: 100, durationMs: 200 })
})

test('a running job that its worker ends as cancelled keeps the reason it was asked for, unless there is another', async () => {
  const store = await opened()
  await store.insert([job('a'), job('b'), job('c')])
  const { jobs } = await store.settle([], { worker: 'w', limit: 3, types: [{ type: 'mail' }] })
  const [a, b, c] = jobs.map(({ id, token }) => ({ id, token }))
  expect(await store.change(['a', 'b'], { kind: 'cancel', reason: 'asked' })).toEqual(['ok', 'ok'])
  await store.settle([
    { ...a!, kind: 'cancel' },
    { ...b!, kind: 'cancel', reason: 'of the worker' },
    { ...c!, kind: 'cancel' },
  ])
  const ended = await store.get(['a', 'b', 'c'])
  expect(ended.map((record) => record?.state)).toEqual(['cancelled', 'cancelled', 'cancelled'])
  expect(ended.map((record) => record?.reason ?? null)).toEqual(['asked', 'of the worker', null])
  const { rows } = await pool.query(`select from "${schema}".cancels`)
  expect(rows).toEqual([])
})
