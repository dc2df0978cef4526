import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from './index.ts'

const schema = `sched_index_${process.pid}`
const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 4 })
const { storage, close } = postgres(pool, { schema, prefix: 'p' })
const JOBS = 'sched:project:environment:jobs'

beforeAll(async () => {
  pool.on('error', () => undefined)
  await storage.ready?.()
})

afterAll(async () => {
  await close()
  await pool.query(`drop schema if exists "${schema}" cascade`)
  await pool.end()
})

/** How the server looks for what `work` asks. */
async function planOf(work: () => Promise<unknown>): Promise<string> {
  const asked: pg.QueryConfig[] = []
  const listen = (client: pg.PoolClient): void => {
    const { query } = client
    client.query = ((config: pg.QueryConfig) => {
      asked.push(config)
      return Reflect.apply(query, client, [config]) as unknown
    }) as typeof client.query
    pool.once('release', () => {
      client.query = query
    })
  }
  pool.once('acquire', listen)
  await work()
  const { text, values } = asked[0]!
  const { rows } = await pool.query<Record<string, string>>(`explain ${text}`, values as unknown[])
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}

async function indexBytes(): Promise<number> {
  const { rows } = await pool.query<{ bytes: string }>(
    `select pg_relation_size('"${schema}".records_fields') as bytes`,
  )
  return Number(rows[0]!.bytes)
}

test('jobs of a composed store have no entries in the index over all fields', async () => {
  const job = { type: 'mail', state: 'pending', payload: { to: 'somebody' }, finishedAt: null, rev: 1 }
  const records = (from: string) =>
    Array.from({ length: 1_000 }, (_, i) => ({ id: `${from}${i}`, value: job }))
  const empty = await indexBytes()
  await storage.saveMany!(JOBS, records('job'))
  expect(await indexBytes()).toBe(empty)
  await storage.saveMany!('letters', records('letter'))
  expect(await indexBytes()).toBeGreaterThan(empty)
})

test('a filter by any field of 20,000 generic records is answered by the index', async () => {
  const records = Array.from({ length: 20_000 }, (_, i) => ({
    id: `customer-${i}`,
    value: {
      city: `city ${i % 5_000}`,
      vip: i % 4_000 === 0,
      address: { zip: i % 5_000 },
      since: new Date(i % 5_000),
    },
  }))
  for (let start = 0; start < records.length; start += 1_000)
    await storage.saveMany!('customers', records.slice(start, start + 1_000))
  await pool.query(`vacuum analyze "${schema}".records`)
  const filters = [
    { city: 'city 77' },
    { address: { zip: 77 } },
    { since: new Date(77) },
    { city: { $in: ['city 77', 'city 78'] } },
    { city: 'city 77', vip: false },
  ]
  for (const filter of filters) {
    const plan = await planOf(() => storage.list('customers', filter))
    expect(plan, JSON.stringify(filter)).toContain('Bitmap Index Scan on records_fields')
    expect(await storage.count('customers', filter)).toBe('$in' in Object(filter.city) ? 8 : 4)
  }
})

test('what the index does not tell is decided by the values', async () => {
  const values: Record<string, unknown> = {
    exact: { a: { x: 1 } },
    more: { a: { x: 1, y: 2 } },
    list: { a: [1, 2] },
    longer: { a: [1, 2, 3] },
    empty: { a: {} },
    none: { a: [] },
    nul: { a: 'x\u0000y' },
  }
  for (const [id, value] of Object.entries(values)) await storage.save('deep', id, value)
  const found = async (filter: Record<string, unknown>): Promise<string[]> =>
    (await storage.page!('deep', filter, { limit: 10 })).map(({ id }) => id)
  expect(await found({ a: { $eq: { x: 1 } } })).toEqual(['exact'])
  expect(await found({ a: [1, 2] })).toEqual(['list'])
  expect(await found({ a: { $eq: {} } })).toEqual(['empty'])
  expect(await found({ a: [] })).toEqual(['none'])
  expect(await found({ a: 'x\u0000y' })).toEqual(['nul'])
})
