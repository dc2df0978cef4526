// What one writer deletes or changes while another has moved the row: the second one's new version is what counts.
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { postgres } from './index.ts'

const schema = `sched_moving_${process.pid}`
const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 4 })
const { storage, broker, close } = postgres(pool, { schema })
let other: pg.PoolClient

beforeAll(async () => {
  pool.on('error', () => undefined)
  await storage.ready?.()
  other = await pool.connect()
})

afterEach(async () => {
  await other.query('rollback')
})

afterAll(async () => {
  other.release()
  await close()
  await pool.query(`drop schema if exists "${schema}" cascade`)
  await pool.end()
})

/** Runs `call` while another transaction has changed the row, and lets that commit once the call waits for it. */
async function meanwhile<T>(change: string, call: () => Promise<T>): Promise<T> {
  await other.query('begin')
  await other.query(change)
  const answer = call()
  await waits()
  await other.query('commit')
  return await answer
}

async function waits(): Promise<void> {
  const waiting = `select from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.query like '%${schema}%'`
  while ((await pool.query(waiting)).rowCount === 0) await new Promise((resolve) => setImmediate(resolve))
}

test('a record that was changed is deleted all the same', async () => {
  await storage.save('n', 'a', { rev: 1 })
  const change = `update "${schema}".records set rev = 2, value = '{"rev": 2}' where id = 'a'`
  await meanwhile(change, () => storage.delete('n', 'a'))
  expect(await storage.get('n', 'a')).toBeNull()
})

test('a compare-and-set sees the rev that the other one left', async () => {
  await storage.save('n', 'b', { rev: 1 })
  const next = `update "${schema}".records set rev = 2, value = '{"rev": 2}' where id = 'b'`
  expect(await meanwhile(next, () => storage.compareAndSet!('n', 'b', 1, { rev: 9 }))).toBe(false)
  const same = `update "${schema}".records set value = '{"rev": 2, "other": true}' where id = 'b'`
  expect(await meanwhile(same, () => storage.compareAndSet!('n', 'b', 2, { rev: 3 }))).toBe(true)
  expect(await storage.get('n', 'b')).toEqual({ rev: 3 })
})

test.each([1, 2])('a patch, one of %i, is made of what the other one left', async (count) => {
  const ids = ['c', 'd'].slice(0, count)
  for (const id of ids) await storage.save('n', id, { rev: 1, state: 'pending' })
  const change = `update "${schema}".records set rev = 2, value = '{"rev": 2, "state": "pending", "other": true}' where id = 'c'`
  const patches = ids.map((id) => ({ id, where: { state: 'pending' }, set: { state: 'running' } }))
  expect(await meanwhile(change, () => storage.patchMany!('n', patches))).toEqual(ids.map(() => true))
  expect(await storage.get('n', 'c')).toEqual({ rev: 3, state: 'running', other: true })
  const end = `update "${schema}".records set rev = 4, value = '{"rev": 4, "state": "completed"}' where id = 'c'`
  const again = ids.map((id) => ({ id, where: { state: 'running' }, set: { state: 'pending' } }))
  const answers = ids.map((id) => (id === 'c' ? null : true))
  expect(await meanwhile(end, () => storage.patchMany!('n', again))).toEqual(answers)
  expect(await storage.get('n', 'c')).toEqual({ rev: 4, state: 'completed' })
})

test('an insert waits for that of another, and is refused when that commits', async () => {
  const insert = `insert into "${schema}".records (prefix, namespace, id, rev, value)
    select prefix, namespace, 'e', 1, '{"rev": 1}' from "${schema}".records where id = 'a' or id = 'b' limit 1`
  expect(await meanwhile(insert, () => storage.compareAndSet!('n', 'e', null, { rev: 9 }))).toBe(false)
  expect(await storage.get('n', 'e')).toEqual({ rev: 1 })
})

test('a lease is extended and acknowledged while its entry moves', async () => {
  await broker.publish('q', 'id')
  const [lease] = await broker.claimLeases!('q', 'me', 1, 60_000)
  const move = `update "${schema}".entries set deliveries = deliveries where id = 'id'`
  const proof = { id: 'id', receipt: lease!.receipt }
  expect(await meanwhile(move, () => broker.extendMany!('q', 'me', 60_000, [proof]))).toEqual([true])
  expect(await meanwhile(move, () => broker.ackMany!('q', [proof]))).toEqual([true])
  expect(await broker.has!('q', ['id'])).toEqual([false])
})
