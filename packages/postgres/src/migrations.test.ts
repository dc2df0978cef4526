import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Backend } from './backend.ts'
import { postgres } from './index.ts'
import { migrationSql } from './migrations.ts'

const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 4 })
const schemas: string[] = []

/** A schema that does not exist yet. */
function fresh(): string {
  const schema = `sched_m${process.pid}_${schemas.length}`
  schemas.push(schema)
  return schema
}

async function versions(schema: string): Promise<number[]> {
  const { rows } = await pool.query(`select version from "${schema}".migrations order by version`)
  return rows.map((row) => row.version as number)
}

beforeAll(() => {
  pool.on('error', () => undefined)
})

afterAll(async () => {
  for (const schema of schemas) await pool.query(`drop schema if exists "${schema}" cascade`)
  await pool.end()
})

test('50 who race on an empty database make one schema, and none fails', async () => {
  const schema = fresh()
  const all = Array.from({ length: 50 }, () => new Backend(serviceUrl('postgres'), { schema, poolSize: 1 }))
  const adapters = {}
  for (const backend of all) backend.attach(adapters)
  try {
    await Promise.all(all.map((backend) => backend.ready()))
    const found = await versions(schema)
    expect(found).toEqual(found.map((_, i) => i + 1))
    expect(found.length).toBeGreaterThan(0)
  } finally {
    await Promise.all(all.map((backend) => backend.detach(adapters)))
  }
})

test('tables of a newer release are refused, and named', async () => {
  const schema = fresh()
  const first = postgres(pool, { schema })
  await first.storage.ready?.()
  await first.close()
  await pool.query(`insert into "${schema}".migrations (version) values (900)`)
  const { storage, close } = postgres(pool, { schema })
  await expect(storage.ready?.()).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining('version 900, newer than'),
  })
  await close()
})

test('with migrate: false nothing is created, and the exported SQL makes what is needed', async () => {
  const schema = fresh()
  const before = postgres(pool, { schema, migrate: false, tablePrefix: 'my_' })
  await expect(before.storage.ready?.()).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining('migrationSql'),
  })
  const { rows } = await pool.query('select 1 from pg_namespace where nspname = $1', [schema])
  expect(rows).toEqual([])
  await pool.query(migrationSql({ schema, tablePrefix: 'my_' }))
  await before.storage.ready?.()
  await before.storage.save('n', 'id', { a: 1 })
  expect(await before.storage.get('n', 'id')).toEqual({ a: 1 })
  await before.close()
})

test('two table prefixes in one schema are two installations', async () => {
  const schema = fresh()
  const one = postgres(pool, { schema, tablePrefix: 'one_' })
  const two = postgres(pool, { schema, tablePrefix: 'two_' })
  await Promise.all([one.storage.ready?.(), two.storage.ready?.()])
  await one.storage.save('n', 'id', 1)
  expect(await two.storage.get('n', 'id')).toBeNull()
  await Promise.all([one.close(), two.close()])
})
