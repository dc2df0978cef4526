/** A claim reads what it gives, by index, however much waits: told by the server's profiler. */
import type { BrokerStrategy } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import { type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyUnder } from './collections.ts'
import { DELAYED, type EntryDocument, LEASED, READY } from './commands/entry-document.ts'
import { mongo } from './index.ts'

const WAITING = 100_000
const LATER = 5_000
const LIMIT = 10
const PREFIX = 'plans'
const HOUR_MS = 3_600_000

const client = new MongoClient(serviceUrl('mongo'))
const db = client.db(`sched_plans_${process.pid}`)
const { broker, close } = mongo(db, { prefix: PREFIX })

/** As publishing and claiming would leave them, which would take many times as long. */
async function fill(): Promise<void> {
  const q = keyUnder(PREFIX, 'mail')
  const now = Date.now()
  const entries: EntryDocument[] = []
  for (let n = 0; n < WAITING; n++) {
    const d = new Date(now - WAITING + n)
    entries.push({ _id: { q, i: `ready-${n}` }, st: READY, p: n % 3, d, s: n, n: 0 })
  }
  for (let n = 0; n < LATER; n++) {
    const later = new Date(now + HOUR_MS + n)
    entries.push({ _id: { q, i: `later-${n}` }, st: DELAYED, p: 0, d: later, s: n, n: 0, t: later })
    const lease = { c: 'c', r: `r-${n}`, t: later }
    entries.push({ _id: { q, i: `leased-${n}` }, st: LEASED, p: 0, d: new Date(now), s: n, n: 1, ...lease })
  }
  const collection = db.collection<EntryDocument>('sched_entries')
  for (let from = 0; from < entries.length; from += 10_000)
    await collection.insertMany(entries.slice(from, from + 10_000), { ordered: false })
}

beforeAll(async () => {
  await broker.ready?.()
  await fill()
})

afterAll(async () => {
  await close()
  await db.dropDatabase()
  await client.close()
})

test.each<BrokerStrategy>(['priority', 'fifo', 'lifo'])('%s', async (strategy) => {
  await db.command({ profile: 2 })
  const claimed = await broker.claim('mail', 'c', LIMIT, HOUR_MS, strategy)
  await broker.ackMany?.(
    'mail',
    claimed.map((id) => ({ id })),
  )
  await db.command({ profile: 0 })
  expect(claimed).toHaveLength(LIMIT)

  const profiled = db.collection('system.profile')
  const commands = await profiled.find({ ns: `${db.databaseName}.sched_entries` }).toArray()
  await profiled.drop()
  expect(commands.length).toBeGreaterThanOrEqual(3)
  expect(JSON.stringify(commands)).not.toContain('COLLSCAN')
  for (const { keysExamined = 0, docsExamined = 0 } of commands as Document[]) {
    expect(keysExamined).toBeLessThanOrEqual(3 * LIMIT)
    expect(docsExamined).toBeLessThanOrEqual(2 * LIMIT)
  }
})
