import { setTimeout as sleep } from 'node:timers/promises'
import { defineJob, JobScheduler } from '@sched/core'
import { createPostgresStorage } from '@sched/postgres'
import { redis } from '@sched/redis'
import pg from 'pg'
import { z } from 'zod'

const POSTGRES_URL = process.env.POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
/** Holds the tables of the shop and those of sched. */
export const SCHEMA = process.env.ORDERS_SCHEMA ?? 'sched_orders'

export interface Orders {
  readonly scheduler: JobScheduler
  /** The order and the job that ships it, both or neither. Rejects when the amount is none. Resolves to the order's number. */
  place(customer: string, amount: number): Promise<number>
  count(): Promise<{ readonly placed: number; readonly shipped: number }>
  close(): Promise<void>
}

/** `ships`: whether this process runs the jobs. A process that only places orders leaves `handle` out. */
export async function openOrders({ ships }: { readonly ships: boolean }): Promise<Orders> {
  const pool = new pg.Pool({ connectionString: POSTGRES_URL, max: 5 })
  pool.on('error', (error) => console.error('a database connection ended:', error.message))
  await createTables(pool)

  const shipOrder = defineJob({
    type: 'ship-order',
    schema: z.object({ order: z.int() }),
    maxRetries: 5,
    ...(ships && {
      async handle({ order }: { order: number }) {
        await sleep(20)
        // a job can run twice, a shipment must not: the order's number is the key
        await pool.query(`insert into ${SCHEMA}.shipments (id) values ($1) on conflict do nothing`, [order])
        console.log(`shipped ${order}`)
      },
    }),
  })
  // the truth in PostgreSQL, on the shop's own pool; the work, and who leads, in Redis
  const scheduler = new JobScheduler({
    adapters: { ...redis(REDIS_URL), storage: createPostgresStorage(pool, { schema: SCHEMA }) },
    jobs: [shipOrder],
    project: SCHEMA,
    maxConcurrentJobs: 5,
  })

  async function place(customer: string, amount: number): Promise<number> {
    const client = await pool.connect()
    try {
      await client.query('begin')
      const { rows } = await client.query<{ id: number }>(
        `insert into ${SCHEMA}.orders (customer, amount) values ($1, $2) returning id`,
        [customer, amount],
      )
      const order = rows[0]?.id as number
      await scheduler.enqueue(shipOrder, { order }, { tx: client })
      // the shop's own check, late on purpose: what was enqueued is rolled back with the order
      if (amount <= 0) throw new Error(`an order of ${amount} is none`)
      await client.query('commit')
      return order
    } catch (error) {
      await client.query('rollback')
      throw error
    } finally {
      client.release()
    }
  }

  return {
    scheduler,
    place,
    async count() {
      const { rows } = await pool.query<{ placed: number; shipped: number }>(
        `select (select count(*)::int from ${SCHEMA}.orders) as placed, (select count(*)::int from ${SCHEMA}.shipments) as shipped`,
      )
      return rows[0] ?? { placed: 0, shipped: 0 }
    },
    async close() {
      await scheduler.stop()
      await pool.end()
    },
  }
}

/** Several processes may do this at once; the lock is the transaction's. */
async function createTables(pool: pg.Pool): Promise<void> {
  await pool.query(`begin; select pg_advisory_xact_lock(hashtext('${SCHEMA}'));
    create schema if not exists ${SCHEMA};
    create table if not exists ${SCHEMA}.orders (
      id int generated always as identity primary key, customer text not null, amount int not null);
    create table if not exists ${SCHEMA}.shipments (id int primary key);
    commit`)
}
