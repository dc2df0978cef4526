/** What a call of the broker reads, by the plans that a connection made while the table was small: nothing has told the server yet that it has grown. */
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { postgres } from './index.ts'

const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 1 })
const schemas: string[] = []

afterAll(async () => {
  for (const schema of schemas) await pool.query(`drop schema if exists "${schema}" cascade`)
  await pool.end()
})

const MANY = 20_000

/** Blocks that a call looks at. */
async function blocksOf(schema: string, call: string): Promise<number> {
  const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
    `explain (analyze, buffers, format json) select * from "${schema}".${call}`,
  )
  const plan = rows[0]!['QUERY PLAN'][0].Plan
  return plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!
}

const claimBy = (strategy: string): string => `claim_entries('p', 'mail', 'c', 1, 60000, '${strategy}', null)`
/** Of an entry that is leased. */
const CALLS = {
  'giving one back': (id: string) =>
    `nack_entries('p', 'mail', array['${id}'], array[60000.0], array[null]::text[])`,
  'acknowledging one': (id: string) => `ack_entries('p', 'mail', array['${id}'], array[null]::text[])`,
  'acknowledging one by its receipt': (id: string) =>
    `ack_entries('p', 'mail', array['${id}'], array(select receipt::text from "SCHEMA".entries where id = '${id}'))`,
  'extending one': (id: string) =>
    `extend_entries('p', 'mail', 'c', 600000, array['${id}'], array[null]::text[])`,
}

/** A queue of a hundred, of which the server has heard of `few`, and the way to publish more. */
async function freshQueue(few: number) {
  const schema = `sched_plans_${schemas.length}_${process.pid}`
  schemas.push(schema)
  const { broker, close } = postgres(pool, { schema, prefix: 'p' })
  onTestFinished(close)
  await broker.ready?.()
  await pool.query(`alter table "${schema}".entries set (autovacuum_enabled = false)`)
  async function publish(from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += 500) {
      const many = Math.min(500, to - at)
      const items = Array.from({ length: many }, (_, n) => ({ id: `job-${at + n}`, priority: n % 3 }))
      await broker.publishMany?.('mail', items)
    }
  }
  await publish(0, few)
  await pool.query(`vacuum analyze "${schema}".entries`)
  await publish(few, 100)
  return { schema, broker, publish }
}

const KNOWN = [0, 1, 100]

test.each(['priority', 'fifo', 'lifo'].flatMap((strategy) => KNOWN.map((few) => [strategy, few] as const)))(
  'by %s, planned while %i were known: a claim reads little with twenty thousand waiting',
  async (strategy, few) => {
    const { schema, publish } = await freshQueue(few)
    for (let claims = 0; claims < 12; claims++) await blocksOf(schema, claimBy(strategy))
    await publish(100, MANY)
    for (let claims = 0; claims < 5; claims++)
      expect(await blocksOf(schema, claimBy(strategy))).toBeLessThan(500)
  },
)

/** The server last counted when next to none of many were left: from then on it expects that of every page there is. */
test('a claim by priority reads little with sixty thousand waiting, where the server believes that next to nothing does', async () => {
  const { schema, broker, publish } = await freshQueue(100)
  await publish(100, MANY)
  // each leaves the index of what waits, and comes back to another place of it
  const ids = Array.from({ length: MANY }, (_, n) => ({ id: `job-${n}`, delayMs: 0 }))
  for (let round = 0; round < 2; round++)
    for (let at = 0; at < MANY; at += 1_000) {
      await broker.claim('mail', 'c', 1_000, 60_000)
      await broker.nackMany?.('mail', ids.slice(at, at + 1_000))
    }
  await pool.query(`delete from "${schema}".entries where seq < (select max(seq) from "${schema}".entries)`)
  await pool.query(`vacuum (analyze, truncate off) "${schema}".entries`)
  for (let from = 0; from < 3 * MANY; from += 5_000) {
    await publish(from, from + 5_000)
    expect(await blocksOf(schema, claimBy('priority'))).toBeLessThan(500)
  }
})

test.each(Object.entries(CALLS).flatMap(([what, call]) => KNOWN.map((few) => [what, few, call] as const)))(
  '%s, planned while %i were known: reads little with twenty thousand leased',
  async (_, few, call) => {
    const { schema, broker, publish } = await freshQueue(few)
    for (let n = 0; n < 12; n++) {
      const [id] = await broker.claim('mail', 'c', 1, 60_000)
      await blocksOf(schema, call(id!).replace('SCHEMA', schema))
    }
    await publish(100, MANY)
    for (let claims = 0; claims < MANY / 1_000; claims++) await broker.claim('mail', 'c', 1_000, 600_000)
    expect(await blocksOf(schema, call('job-5000').replace('SCHEMA', schema))).toBeLessThan(100)
  },
)
