/** Jobs in the transactions of query builders and ORMs, as docs/adapters/postgres.md shows it. */
import { PrismaPg } from '@prisma/adapter-pg'
import { defineJob, JobScheduler } from '@sched/core'
import { serviceUrl } from '@sched/test-services'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import createKnex from 'knex'
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { postgres } from './index.ts'

type Values = readonly unknown[]
interface Tx {
  query(text: string, values: Values): Promise<unknown>
}

/** Runs `work` in one of the library's transactions, and rolls it back when `work` throws. */
type InTransaction = (work: (tx: Tx | pg.PoolClient) => Promise<unknown>) => Promise<unknown>

const url = serviceUrl('postgres')
const schema = `sched_c${process.pid}`
const pool = new pg.Pool({ connectionString: url, max: 8 })
const kysely = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
const knex = createKnex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } })
const prisma = new PrismaPg({ connectionString: url, max: 2 })
const receipt = defineJob({ type: 'receipt', schema: z.object({ order: z.number() }) })
const adapters = postgres(pool, { schema, listen: false })
const stores = { fused: scheduler({}), composed: scheduler({ fuse: false }) }

function scheduler(options: { readonly fuse?: false }): JobScheduler {
  const environment = 'fuse' in options ? 'composed' : 'fused'
  return new JobScheduler({ adapters, project: 'shop', environment, jobs: [receipt], ...options })
}

const libraries: Readonly<Record<string, InTransaction>> = {
  async pg(work) {
    const client = await pool.connect()
    await client.query('begin')
    try {
      await work(client)
      await client.query('commit')
    } catch (error) {
      await client.query('rollback')
      throw error
    } finally {
      client.release()
    }
  },
  drizzle: (work) =>
    drizzle(pool).transaction((tx) =>
      work({
        query(text, values) {
          const parts = text
            .split(/\$(\d+)/)
            .map((part, i) => (i % 2 ? sql.param(values[Number(part) - 1]) : sql.raw(part)))
          return tx.execute(sql.join(parts))
        },
      }),
    ),
  kysely: (work) =>
    kysely
      .transaction()
      .execute((trx) =>
        work({ query: (text, values) => trx.executeQuery(CompiledQuery.raw(text, [...values])) }),
      ),
  knex: (work) =>
    knex.transaction((trx) =>
      work({
        query: (text, values) =>
          trx.raw(
            text.replace(/\$(\d+)/g, ':p$1'),
            Object.fromEntries(values.map((value, i) => [`p${i + 1}`, value as string])),
          ),
      }),
    ),
  // what $queryRawUnsafe(text, ...values) does below the generated client
  async prisma(work) {
    const adapter = await prisma.connect()
    const trx = await adapter.startTransaction()
    const query = async (text: string, values: Values): Promise<unknown> => {
      const argTypes = values.map(() => ({ scalarType: 'unknown', arity: 'scalar' }) as const)
      const { columnNames, rows } = await trx.queryRaw({ sql: text, args: [...values], argTypes })
      return rows.map((row) => Object.fromEntries(columnNames.map((name, i) => [name, row[i]])))
    }
    try {
      await work({ query })
      await trx.queryRaw({ sql: 'commit', args: [], argTypes: [] })
      await trx.commit()
    } catch (error) {
      await trx.queryRaw({ sql: 'rollback', args: [], argTypes: [] })
      await trx.rollback()
      throw error
    } finally {
      await adapter.dispose()
    }
  },
}

beforeAll(async () => {
  await adapters.storage.ready?.()
  await pool.query(`create table "${schema}".orders (id int primary key)`)
})

afterAll(async () => {
  await Promise.all(Object.values(stores).map((scheduler) => scheduler.stop()))
  await adapters.close()
  await knex.destroy()
  await pool.query(`drop schema "${schema}" cascade`)
  await pool.end()
})

describe.each(Object.entries(libraries))('%s', (name, inTransaction) => {
  test.each(Object.entries(stores))('an order and its job, %s store', async (_, scheduler) => {
    const insert = `insert into "${schema}".orders values ($1::int)`
    const order = Math.floor(Math.random() * 2 ** 31)
    const enqueue = async (tx: Tx | pg.PoolClient): Promise<void> => {
      await (tx as Tx).query(insert, [order])
      const id = `${name}:${order}`
      await scheduler.enqueue(receipt, { order }, { tx, id, delay: 60_000 })
      // known already, which leaves the transaction usable
      await scheduler.enqueue(receipt, { order }, { tx, id })
      await scheduler.enqueue(receipt, { order }, { tx, id: `${id}:now`, entityId: "d'or?:p1 $1" })
    }
    const stored = async (): Promise<number> =>
      (await pool.query(`select from "${schema}".orders where id = $1`, [order])).rows.length
    const refused = inTransaction(async (tx) => {
      await enqueue(tx)
      throw new Error('no')
    })
    await expect(refused).rejects.toThrow('no')
    expect([await stored(), await scheduler.getJob(`${name}:${order}`)]).toEqual([0, null])

    await inTransaction(enqueue)
    expect(await stored()).toBe(1)
    expect(await scheduler.getJob(`${name}:${order}`)).toMatchObject({
      state: 'pending',
      payload: { order },
    })
    expect(await scheduler.getJob(`${name}:${order}:now`)).toMatchObject({ entityId: "d'or?:p1 $1" })
  })
})
