import { defineJob, JobScheduler } from '@sched/core'
import { postgres } from '@sched/postgres'
import pg from 'pg'
import { z } from 'zod'

const connectionString = process.env.POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'

export interface Shop {
  /** Inserts the order and enqueues its receipt, both or neither. Rejects when the amount is none. */
  placeOrder(customer: string, amount: number): Promise<number>
  countOrders(): Promise<number>
  readonly scheduler: JobScheduler
  close(): Promise<void>
}

/** `onReceipt` is called where a real shop would send a mail. `schema` holds the shop's table and the tables of sched. */
export async function openShop(schema: string, onReceipt: (order: number) => void): Promise<Shop> {
  const pool = new pg.Pool({ connectionString, max: 5 })
  pool.on('error', (error) => console.error('a database connection ended:', error.message))
  await pool.query(`create schema if not exists ${schema}`)
  await pool.query(`create table if not exists ${schema}.orders (
    id int generated always as identity primary key, customer text not null, amount int not null check (amount > 0))`)

  const sendReceipt = defineJob({
    type: 'send-receipt',
    schema: z.object({ order: z.number().int(), customer: z.string() }),
    maxRetries: 5,
    async handle({ order }) {
      const { rows } = await pool.query(`select amount from ${schema}.orders where id = $1`, [order])
      // the job exists, so the order does
      if (rows.length === 0) throw new Error(`there is no order ${order}`)
      onReceipt(order)
    },
  })
  const scheduler = new JobScheduler({
    adapters: postgres(pool, { schema }),
    jobs: [sendReceipt],
    project: 'shop',
  })

  async function placeOrder(customer: string, amount: number): Promise<number> {
    const client = await pool.connect()
    try {
      await client.query('begin')
      const { rows } = await client.query<{ id: number }>(
        `insert into ${schema}.orders (customer, amount) values ($1, $2) returning id`,
        [customer, Math.abs(amount)],
      )
      const order = rows[0]?.id as number
      await scheduler.enqueue(sendReceipt, { order, customer }, { tx: client })
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
    placeOrder,
    async countOrders() {
      const { rows } = await pool.query<{ count: string }>(`select count(*) from ${schema}.orders`)
      return Number(rows[0]?.count)
    },
    scheduler,
    async close() {
      await scheduler.stop()
      await pool.end()
    },
  }
}
