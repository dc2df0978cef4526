import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
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

beforeAll(() => {
  pool.on('error', () => undefined)
})

afterAll(async () => {
  for (const schema of schemas) await pool.query(`drop schema if exists "${schema}" cascade`)
  await pool.end()
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

test.each([{ shema: 'x' }, { from: -1 }, { from: 1.5 }, { from: 99 }])(
  'migrationSql refuses %j',
  (options) => {
    expect(() => migrationSql(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  },
)

test.each([true, false])(
  'a role that lacks rights is refused with the GRANTs that mend it, migrate: %s',
  async (migrate) => {
    const schema = fresh()
    const role = `sched_r${process.pid}_${schemas.length}`
    await pool.query(migrationSql({ schema }))
    await pool.query(`create role ${role} login password 'x'`)
    const url = new URL(serviceUrl('postgres'))
    url.username = role
    url.password = 'x'
    const ready = async (): Promise<Error | undefined> => {
      const { storage, close } = postgres(url.href, { schema, migrate, poolSize: 1 })
      try {
        await storage.ready?.()
        return undefined
      } catch (error) {
        return error as Error
      } finally {
        await close?.()
      }
    }
    const grantsOf = (error: Error | undefined): string => error?.message.split('Run as the owner: ')[1] ?? ''
    const nothing = await ready()
    expect(nothing).toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('usage on schema'),
    })
    expect(nothing?.message).toContain(`select on table ${schema}.migrations;`)
    await pool.query(grantsOf(nothing))
    expect(await ready()).toBeUndefined()

    await pool.query(`revoke delete on ${schema}.ready, ${schema}.leases from ${role};
    revoke insert on ${schema}.jobs from ${role}; revoke usage on sequence ${schema}.leases_fence_seq from ${role};
    revoke execute on function ${schema}.now_us() from public`)
    await pool.query(`revoke execute on function ${schema}.now_us() from ${role}`)
    const some = await ready()
    for (const grant of [
      `grant delete on table ${schema}.leases, ${schema}.ready to ${role};`,
      `grant insert on table ${schema}.jobs to ${role};`,
      `grant usage on sequence ${schema}.leases_fence_seq to ${role};`,
      `grant execute on function ${schema}.now_us() to ${role};`,
    ])
      expect(some?.message).toContain(grant)
    await pool.query(grantsOf(some))
    expect(await ready()).toBeUndefined()
    await pool.query(`drop owned by ${role}; drop role ${role}`)
  },
)
