import type { JobStore, NewJob } from '@sched/core/adapter'
import { BACKEND } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from './index.ts'

const schema = `sched_t${process.pid}`
const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 6 })
const adapters = postgres(serviceUrl('postgres'), { schema, poolSize: 3 })
let store: JobStore

function job(id: string): NewJob {
  return { id, type: 'mail', payload: { of: id }, priority: 0 }
}

beforeAll(async () => {
  await adapters.storage.ready?.()
  store = adapters.storage[BACKEND]?.fuse({ scope: 'p:e:t', ...adapters }) as JobStore
  await pool.query(`create table "${schema}".orders (id int primary key)`)
})

afterAll(async () => {
  await store.close?.()
  await adapters.close()
  await pool.query(`drop schema "${schema}" cascade`)
  await pool.end()
})

test('a job and the row it is about are committed together, and the commit wakes who waits', async () => {
  const client = await pool.connect()
  let wake: (type: string) => void = () => undefined
  const woken = new Promise<string>((resolve) => {
    wake = resolve
  })
  // another process, as it were: it hears by LISTEN alone
  const other = postgres(serviceUrl('postgres'), { schema, poolSize: 1 })
  const listener = other.storage[BACKEND]?.fuse({ scope: 'p:e:t', ...other }) as JobStore
  const stop = await listener.subscribe(['mail'], (type) => wake(type))
  let told = false
  void woken.then(() => {
    told = true
  })

  await client.query('begin')
  await client.query(`insert into "${schema}".orders values (1)`)
  expect(await store.insert([job('order-1'), job('order-1')], { transaction: client })).toEqual([
    'inserted',
    'exists',
  ])
  expect(await store.get(['order-1'])).toEqual([null])
  expect(told).toBe(false)
  await client.query('commit')
  expect(await woken).toBe('mail')
  expect(await store.get(['order-1'])).toMatchObject([{ state: 'pending', payload: { of: 'order-1' } }])

  client.release()
  await stop()
  await listener.close?.()
  await other.close()
})

test('rolled back, both are gone', async () => {
  const client = await pool.connect()
  await client.query('begin')
  await client.query(`insert into "${schema}".orders values (2)`)
  await store.insert([job('order-2')], { transaction: client })
  await client.query('rollback')
  client.release()
  expect(await store.get(['order-2'])).toEqual([null])
  expect(await store.insert([job('order-2')])).toEqual(['inserted'])
})

test('an id that is known leaves the transaction usable', async () => {
  await store.insert([job('order-3')])
  const client = await pool.connect()
  await client.query('begin')
  expect(await store.insert([job('order-3'), job('order-3b')], { transaction: client })).toEqual([
    'exists',
    'inserted',
  ])
  await client.query(`insert into "${schema}".orders values (3)`)
  await client.query('commit')
  client.release()
  expect((await store.get(['order-3b']))[0]?.state).toBe('pending')
})

test('anything with query(text, values) will do, as query builders and ORMs offer it', async () => {
  const client = await pool.connect()
  await client.query('begin')
  const raw = {
    query: async (text: string, values: readonly unknown[]) => (await client.query(text, [...values])).rows,
  }
  expect(await store.insert([job('order-4')], { transaction: raw })).toEqual(['inserted'])
  await client.query('commit')
  client.release()
  expect((await store.get(['order-4']))[0]?.state).toBe('pending')
})

test('a pool, and what is no client at all, are refused by name', async () => {
  await expect(store.insert([job('x')], { transaction: pool })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
  await expect(store.insert([job('x')], { transaction: {} })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  expect(() => adapters.storage.within?.(5)).toThrow('tx must be a pg client')
})

test('a client on which no transaction is open is refused, and nothing is stored; a BEGIN need not be awaited', async () => {
  const client = await pool.connect()
  const refused = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('no transaction is open') }
  await expect(store.insert([job('order-5')], { transaction: client })).rejects.toMatchObject(refused)
  await expect(adapters.storage.within?.(client).save('n', 'r', 1)).rejects.toMatchObject(refused)
  expect(await store.get(['order-5'])).toEqual([null])
  const begun = client.query('begin')
  expect(await store.insert([job('order-5')], { transaction: client })).toEqual(['inserted'])
  await begun
  await client.query('commit')
  await expect(store.insert([job('order-6')], { transaction: client })).rejects.toMatchObject(refused)
  client.release()
  expect((await store.get(['order-5']))[0]?.state).toBe('pending')
})

test('records take part in the transaction too', async () => {
  const client = await pool.connect()
  await client.query('begin')
  const within = adapters.storage.within?.(client)
  await within?.save('n', 'r', { a: 1 })
  expect(await adapters.storage.get('n', 'r')).toBeNull()
  expect(await within?.get('n', 'r')).toEqual({ a: 1 })
  expect(await within?.list('n', { a: 1 })).toEqual([{ a: 1 }])
  await client.query('rollback')
  client.release()
  expect(await adapters.storage.get('n', 'r')).toBeNull()
})
