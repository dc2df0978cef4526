/** Many claimers at one line, on a server of their own whose profiler tells what each command examined. */
import { BACKEND, type JobStore } from '@sched/core/adapter'
import { type Server, startMongo } from '@sched/test-services'
import { type Document, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mongo } from './index.ts'
import { JOBS } from './job-indexes.ts'

const CLAIMERS = 64
const JOBS_IN_LINE = 100_000
const A_CLAIM = 25
const CLAIMS_EACH = 12

let server: Server
let client: MongoClient

beforeAll(async () => {
  server = await startMongo()
  client = new MongoClient(server.url, { maxPoolSize: CLAIMERS })
})

afterAll(async () => {
  await client.close()
  await server.stop()
})

test('64 claimers at 100,000 jobs get jobs of their own, and each query reads what it gives, by index', async () => {
  const db = client.db('crowd')
  const adapters = mongo(db)
  const open = (): JobStore =>
    adapters.storage[BACKEND]?.fuse({ scope: 'p:e:crowd', ...adapters }) as JobStore
  const filler = open()
  for (let from = 0; from < JOBS_IN_LINE; from += 1_000) {
    const batch = Array.from({ length: 1_000 }, (_, i) => ({
      id: `job-${from + i}`,
      type: 'mail',
      payload: null,
      priority: 0,
    }))
    await filler.insert(batch)
  }
  // by default it keeps a megabyte
  await db.createCollection('system.profile', { capped: true, size: 256 * 1024 * 1024 })
  await db.command({ profile: 2 })
  const claimed: string[] = []
  let calls = 0
  await Promise.all(
    Array.from({ length: CLAIMERS }, async (_, i) => {
      const store = open()
      await store.heartbeat({ id: `w${i}`, leaseMs: 600_000, phase: 'join' }, [])
      for (let full = 0; full < CLAIMS_EACH; calls++) {
        const { jobs } = await store.settle([], {
          worker: `w${i}`,
          limit: A_CLAIM,
          types: [{ type: 'mail' }],
        })
        claimed.push(...jobs.map(({ id }) => id))
        if (jobs.length > 0) full++
      }
    }),
  )
  await db.command({ profile: 0 })
  expect(new Set(claimed).size).toBe(claimed.length)

  const profile = await db
    .collection('system.profile')
    .find({ ns: `crowd.sched_${JOBS}`, op: { $in: ['query', 'update'] } })
    .toArray()
  expect(profile.filter(({ planSummary }) => planSummary === 'COLLSCAN')).toEqual([])
  const looks = profile.filter(({ command }) => command?.hint === 'ready')
  expect(looks.length).toBeGreaterThanOrEqual(calls)
  const sum = (field: string): number => looks.reduce((total: number, one: Document) => total + one[field], 0)
  // two a query for the ends of what it reads
  expect(sum('docsExamined')).toBeLessThanOrEqual(2 * sum('nreturned'))
  expect(sum('keysExamined')).toBeLessThanOrEqual(2 * sum('nreturned') + 2 * looks.length)
  // what others were quicker with is looked at for nothing
  expect(sum('docsExamined')).toBeLessThanOrEqual(3 * claimed.length)
  await adapters.close()
}, 180_000)
