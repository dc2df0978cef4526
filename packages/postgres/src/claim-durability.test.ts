import { BACKEND, type JobStore, type NewJob, type Outcome } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from './index.ts'

const schema = `sched_d${process.pid}`
// one connection, so that what the store does can be looked at inside a transaction
const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 1 })
const adapters = postgres(pool, { schema, listen: false })
const store = adapters.storage[BACKEND]?.fuse({ scope: 'p:e', ...adapters }) as JobStore
let ids = 0

beforeAll(async () => {
  await adapters.storage.ready?.()
  await store.heartbeat({ id: 'w', leaseMs: 600_000, phase: 'join' }, [])
})

afterAll(async () => {
  await adapters.close()
  await pool.query(`drop schema "${schema}" cascade`)
  await pool.end()
})

async function insert(type: string, more: Partial<NewJob> = {}): Promise<string> {
  const id = `job-${ids++}`
  await store.insert([{ id, type, payload: null, priority: 0, ...more }])
  return id
}

async function claim(type: string, options: { outcomes?: readonly Outcome[]; maxActive?: number } = {}) {
  const { outcomes = [], ...limits } = options
  const { jobs } = await store.settle(outcomes, { worker: 'w', limit: 1, types: [{ type, ...limits }] })
  expect(jobs).toHaveLength(1)
  return jobs[0]!
}

/** What the transaction that claims waits for at its end. */
async function waitsFor(claims: () => Promise<unknown>): Promise<string> {
  await pool.query('begin')
  await claims()
  const { rows } = await pool.query('show synchronous_commit')
  await pool.query('commit')
  return rows[0].synchronous_commit
}

/** As if the server had crashed before the claim was on disk. */
async function forget(fence: number): Promise<void> {
  await pool.query(
    `insert into "${schema}".ready (due, id, type, rank) select j.due, j.id, k.type, k.rank
      from "${schema}".leases l join "${schema}".jobs j on j.id = any (l.ids) join "${schema}".kinds k on k.id = j.kind where l.fence = $1`,
    [fence],
  )
  await pool.query(`delete from "${schema}".leases where fence = $1`, [fence])
  await pool.query(`select setval(pg_get_serial_sequence('"${schema}".leases', 'fence'), $1, false)`, [fence])
  await pool.query(`truncate "${schema}".fences`)
}

test('a claim alone is not waited for on disk; one that settles, of at most once, or under a limit is', async () => {
  for (let i = 0; i < 4; i++) await insert('plain')
  await insert('once', { delivery: 'at-most-once' })
  expect(await waitsFor(() => claim('plain'))).toBe('off')
  const { id, token } = await claim('plain')
  expect(await waitsFor(() => claim('plain', { outcomes: [{ id, token, kind: 'complete' }] }))).toBe('on')
  expect(await waitsFor(() => claim('plain', { maxActive: 9 }))).toBe('on')
  expect(await waitsFor(() => claim('once'))).toBe('on')
})

test('a claim that a crash forgot: its token is stale, and the next fence is higher than any that was given out', async () => {
  const id = await insert('forgotten')
  const first = await claim('forgotten')
  await forget(first.fence)
  expect((await store.heartbeat({ id: 'w', leaseMs: 600_000 }, [first])).lost).toEqual([id])
  expect((await store.settle([{ ...first, kind: 'complete' }])).settled).toEqual(['stale'])
  const second = await claim('forgotten')
  expect(second.fence).toBeGreaterThan(first.fence)
  await forget(second.fence)
  // the first since a crash is waited for
  expect(
    await waitsFor(async () => {
      expect((await claim('forgotten')).fence).toBeGreaterThan(second.fence)
    }),
  ).toBe('on')
})

test('a settle that is sent again is ok, also where its job waits for the next attempt', async () => {
  for (const delayMs of [0, 60_000]) {
    await insert('again', { maxRetries: 1 })
    const { id, token } = await claim('again')
    const outcome = { id, token, kind: 'retry', delayMs, error: { name: 'Error', message: 'no' } } as const
    expect((await store.settle([outcome])).settled).toEqual(['ok'])
    expect((await store.settle([outcome])).settled).toEqual(['ok'])
    await store.change([id], { kind: 'discard' })
  }
})
