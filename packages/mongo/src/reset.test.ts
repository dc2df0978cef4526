/** `resetOnInit` deletes however much there is, in commands of which none is long. */
import { randomUUID } from 'node:crypto'
import { BACKEND, type JobStore } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import { type Document, MongoClient } from 'mongodb'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { PAGE } from './delete-range.ts'
import { mongo } from './index.ts'
import { JOBS } from './job-indexes.ts'

const MANY = 2 * PAGE + 5
const BATCH = 1_000
const KINDS = ['records', 'entries', JOBS]

const client = new MongoClient(serviceUrl('mongo'), { monitorCommands: true })
const db = client.db(`sched_reset_${process.pid}`)

afterAll(async () => {
  await db.dropDatabase()
  await client.close()
})

test('a reset deletes page by page all that is under the prefix, and nothing else', {
  timeout: 60_000,
}, async () => {
  const prefix = randomUUID()
  const neighbours = [`${prefix}:`, `${prefix.slice(0, -1)}~`]
  await fill(prefix, MANY)
  for (const neighbour of neighbours) await fill(neighbour, 3)
  const left = async (): Promise<readonly number[]> =>
    await Promise.all(KINDS.map((kind) => db.collection(`sched_${kind}`).countDocuments()))
  const before = await left()

  const deleted: number[] = []
  const note = ({ commandName, reply }: { readonly commandName: string; readonly reply: unknown }): void => {
    if (commandName === 'delete') deleted.push((reply as Document).n)
  }
  client.on('commandSucceeded', note)
  const { storage, close } = mongo(db, { prefix, resetOnInit: true })
  onTestFinished(close)
  await storage.ready?.()
  client.off('commandSucceeded', note)

  expect(Math.max(...deleted)).toBe(PAGE)
  // the worker lies beside its jobs
  expect((await left()).map((count, kind) => (before[kind] as number) - count)).toEqual([
    MANY,
    MANY,
    MANY + 1,
  ])
})

async function fill(prefix: string, count: number): Promise<void> {
  const { storage, broker, close } = mongo(db, { prefix })
  await storage.ready?.()
  const jobs = storage[BACKEND]?.fuse({ scope: 'a:b:c', storage, broker }) as JobStore
  await jobs.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  const ids = Array.from({ length: count }, (_, n) => `id-${n}`)
  await storage.saveMany?.(
    'n',
    ids.map((id) => ({ id, value: { id } })),
  )
  await broker.publishMany?.(
    'mail',
    ids.map((id) => ({ id })),
  )
  for (let from = 0; from < count; from += BATCH)
    await jobs.insert(
      ids.slice(from, from + BATCH).map((id) => ({ id, type: 'mail', payload: null, priority: 0 })),
    )
  await close()
}
