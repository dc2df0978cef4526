import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Database } from './database.ts'
import { createPostgresLock, createPostgresStorage, postgres } from './index.ts'
import { settingsOf } from './options.ts'

const url = serviceUrl('postgres')
const schema = `sched_f${process.pid}`
const admin = new pg.Pool({ connectionString: url, max: 4 })

function database(options = {}): Database {
  return new Database(url, settingsOf(url, { schema, ...options }))
}

beforeAll(async () => {
  const storage = createPostgresStorage(admin, { schema })
  await storage.ready?.()
  await storage.close?.()
})

afterAll(async () => {
  await admin.query(`drop schema "${schema}" cascade`)
  await admin.end()
})

test('a call that is not answered in time rejects as ambiguous, and its connection is not used again', async () => {
  const db = database({ operationDeadlineMs: 150, poolSize: 1 })
  const pid = Number((await db.run({ name: 'pid', sql: 'select pg_backend_pid()' }, []))[0]?.[0])
  await expect(db.run({ name: 'sleep', sql: 'select pg_sleep(30)' }, [])).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    ambiguous: true,
    message: expect.stringContaining('no answer within 150 ms'),
  })
  const after = Number((await db.run({ name: 'pid', sql: 'select pg_backend_pid()' }, []))[0]?.[0])
  expect(after).not.toBe(pid)
  await db.close()
  await admin.query('select pg_terminate_backend($1)', [pid])
})

test('a pool that is all taken rejects, and nothing was sent', async () => {
  const db = database({ operationDeadlineMs: 150, poolSize: 1 })
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const taken = await pool.connect()
  const starved = new Database(pool, settingsOf(pool, { schema, operationDeadlineMs: 150 }))
  await expect(starved.run({ name: 'one', sql: 'select 1' }, [])).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    ambiguous: false,
    message: expect.stringContaining('no connection'),
  })
  taken.release()
  await starved.close()
  expect((await pool.query('select 1')).rows.length).toBe(1)
  await pool.end()
  await db.close()
})

test('a pool of the adapters that is all taken says so', async () => {
  const db = database({ operationDeadlineMs: 150, poolSize: 1 })
  const holds = db.attempt('hold', false, () => new Promise(() => undefined))
  const waits = db.run({ name: 'one', sql: 'select 1' }, [])
  const [held, waited] = await Promise.allSettled([holds, waits])
  expect(held).toMatchObject({ reason: { ambiguous: true } })
  expect(waited).toMatchObject({ reason: { code: 'UNAVAILABLE', ambiguous: false } })
  expect(String((waited as PromiseRejectedResult).reason)).toContain('all 1 were in use; raise poolSize')
  await db.close()
})

test('a killed session: what is repeatable succeeds, what is not rejects as ambiguous, and the process lives', async () => {
  const db = database({ poolSize: 2 })
  const killed = async (repeatable: boolean) => {
    let calls = 0
    return await db.attempt('killed', repeatable, async (client) => {
      if (calls++ > 0) return 'second'
      const { rows } = await client.query('select pg_backend_pid() as pid')
      await admin.query('select pg_terminate_backend($1)', [rows[0].pid])
      await client.query('select 1')
      return 'first'
    })
  }
  await expect(killed(true)).resolves.toBe('second')
  await expect(killed(false)).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })
  await db.close()
})

test('a deadlock is rolled back and tried again', async () => {
  const db = database()
  let left = 3
  const answer = await db.attempt('deadlock', false, async (client) => {
    if (left-- > 0) await client.query(`do $$ begin raise exception 'x' using errcode = '40P01'; end $$`)
    return 'done'
  })
  expect(answer).toBe('done')
  await db.close()
})

test('refused credentials and missing databases are named, without the password', async () => {
  const missing = new URL(url)
  missing.pathname = '/no_such_database'
  missing.password = 'hush-hush'
  const storage = createPostgresStorage(missing.href)
  const error = await storage.get('n', 'id').then(
    () => undefined,
    (reason: Error) => reason,
  )
  expect(error).toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('database does not exist'),
  })
  expect(JSON.stringify(error) + error?.message).not.toContain('hush-hush')
  await storage.close?.()
})

test('nobody listens on the port: rejects by the deadline', async () => {
  const lock = createPostgresLock('postgres://127.0.0.1:1/none', { operationDeadlineMs: 100 })
  await expect(lock.acquire('k', 'o', 1_000)).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: false })
  await lock.close?.()
})

test('statements are not prepared where a pooler does not keep them', async () => {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const prepared = async () =>
    (await pool.query(`select name from pg_prepared_statements where name like 'lock%'`)).rows.length
  const plain = postgres(pool, { schema, prepare: false, listen: false })
  await plain.lock.acquire('k', 'o', 1_000)
  expect(await prepared()).toBe(0)
  await plain.close()
  const named = postgres(pool, { schema, listen: false })
  await named.lock.acquire('k', 'o', 1_000)
  expect(await prepared()).toBe(1)
  await named.close()
  await pool.end()
})
