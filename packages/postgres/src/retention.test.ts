/** What has ended goes in bounded statements, and nothing is left of it: neither jobs, nor what is remembered of them, nor counters. */
import { BACKEND, type JobStore, type NewJob } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from './index.ts'

const BATCH = 1_000
const schema = `sched_k${process.pid}`
const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 2 })
const adapters = postgres(pool, { schema, listen: false })
const want = { worker: 'w', limit: BATCH, types: [{ type: 'mail' }] }
let store: JobStore

beforeAll(async () => {
  await adapters.storage.ready?.()
  store = adapters.storage[BACKEND]?.fuse({ scope: 'p:e:k', ...adapters }) as JobStore
  await store.heartbeat({ id: 'w', leaseMs: 600_000, phase: 'join' }, [])
})

afterAll(async () => {
  await adapters.close()
  await pool.query(`drop schema "${schema}" cascade`)
  await pool.end()
})

/** Inserts, claims and completes so many. */
async function finish(count: number, settings: Partial<NewJob>, name: string): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const job = (_: unknown, i: number): NewJob => ({
      ...{ id: `${name}-${from + i}`, type: 'mail', payload: null, priority: 0 },
      ...settings,
    })
    await store.insert(Array.from({ length: BATCH }, job))
    const { jobs } = await store.settle([], want)
    expect(jobs).toHaveLength(BATCH)
    await store.settle(jobs.map(({ id, token }) => ({ id, token, kind: 'complete' })))
  }
}

async function rows(table: string): Promise<number> {
  return Number((await pool.query(`select count(*) from "${schema}".${table}`)).rows[0].count)
}

async function sweepAll(): Promise<number[]> {
  const pruned: number[] = []
  for (;;) {
    const report = await store.sweep({})
    pruned.push(report.pruned)
    if (!report.more) return pruned
  }
}

test('20,000 finished jobs past their age go a thousand at a time, and leave nothing', async () => {
  await finish(20_000, { retention: { completed: { ageMs: 1 } }, rememberMs: 0 }, 'aged')
  expect(await rows('endings')).toBeGreaterThan(0)
  const pruned = await sweepAll()
  // records first, then the bodies that were theirs, by the rows that name up to a thousand of them
  expect(Math.max(...pruned)).toBeLessThanOrEqual(2 * BATCH)
  expect(pruned.length).toBeGreaterThanOrEqual(20)
  for (const table of ['jobs', 'ready', 'future', 'leases', 'endings', 'forgets', 'expiring', 'cancels'])
    expect([table, await rows(table)]).toEqual([table, 0])
  // the counters stay, added up
  expect(await rows('tallies')).toBeLessThanOrEqual(50)
  expect((await store.counts()).types.mail).toMatchObject({ completed: 20_000, pending: 0, running: 0 })
}, 60_000)

test('beyond their count they go with the settle that brings the next', async () => {
  await finish(5_000, { retention: { completed: { count: 100 } }, rememberMs: 0 }, 'counted')
  expect(await rows('endings')).toBe(100)
  await sweepAll()
  expect(await rows('jobs')).toBe(100)
})

test('every table that jobs pass through has its own autovacuum settings', async () => {
  const { rows: tables } = await pool.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_namespace s on s.oid = c.relnamespace
      where s.nspname = $1 and c.relkind = 'r' and array_to_string(c.reloptions, ',') like '%autovacuum_vacuum_threshold%'`,
    [schema],
  )
  const names = tables.map(({ name }) => name)
  const hot = [
    'ready',
    'future',
    'leases',
    'jobs',
    'tallies',
    'forgets',
    'endings',
    'workers',
    'expiring',
    'cancels',
  ]
  expect(names).toEqual(expect.arrayContaining([...hot, 'entries', 'locks', 'records']))
})
