import { BACKEND, type JobStore, type NewJob } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgres } from './index.ts'
import { type Pooler, startPgBouncer } from './pgbouncer.support.ts'

const direct = serviceUrl('postgres')
const schema = `sched_b${process.pid}`
let pooler: Pooler

beforeAll(async () => {
  pooler = await startPgBouncer(direct)
})

afterAll(async () => {
  await pooler.stop()
  const client = new pg.Client(direct)
  await client.connect()
  await client.query(`drop schema if exists "${schema}" cascade`)
  await client.end()
})

function job(id: string): NewJob {
  return { id, type: 'mail', payload: { of: id }, priority: 0 }
}

test('migrates, enqueues, claims, settles and locks through a transaction-mode pooler, many at once', async () => {
  const adapters = postgres(pooler.url, { schema, prepare: false, listen: false, poolSize: 12 })
  await adapters.storage.ready?.()
  const store = adapters.storage[BACKEND]?.fuse({ scope: 'p:e:one', ...adapters }) as JobStore
  const ids = Array.from({ length: 60 }, (_, i) => `job-${i}`)
  await Promise.all(ids.map((id) => store.insert([job(id)])))
  const workers = Array.from({ length: 6 }, (_, i) => `w#${i}`)
  await Promise.all(workers.map((id) => store.heartbeat({ id, leaseMs: 60_000, phase: 'join' }, [])))
  const claims = await Promise.all(
    workers.map((worker) => store.settle([], { worker, limit: 20, types: [{ type: 'mail' }] })),
  )
  const claimed = claims.flatMap(({ jobs }) => jobs)
  expect(new Set(claimed.map(({ id }) => id)).size).toBe(claimed.length)
  const { settled } = await store.settle(claimed.map(({ id, token }) => ({ id, token, kind: 'complete' })))
  expect(new Set(settled)).toEqual(new Set(['ok']))
  const owners = await Promise.all(workers.map((worker) => adapters.lock.acquire('leader', worker, 60_000)))
  expect(owners.filter(Boolean)).toHaveLength(1)
  await adapters.storage.save('n', 'id', { a: 1 })
  expect(await adapters.storage.list('n', { a: { $gte: 1 } })).toEqual([{ a: 1 }])
  await adapters.close()
})

test('LISTEN goes to a direct connection', async () => {
  const behind = postgres(pooler.url, { schema, prepare: false, listen: direct, poolSize: 2 })
  const producer = postgres(pooler.url, { schema, prepare: false, poolSize: 2, listen: direct })
  await behind.storage.ready?.()
  const listening = behind.storage[BACKEND]?.fuse({ scope: 'p:e:two', ...behind }) as JobStore
  const sending = producer.storage[BACKEND]?.fuse({ scope: 'p:e:two', ...producer }) as JobStore
  let wake: (type: string) => void = () => undefined
  const woken = new Promise<string>((resolve) => {
    wake = resolve
  })
  const stop = await listening.subscribe(['mail'], (type) => wake(type))
  await sending.insert([job('a')])
  expect(await woken).toBe('mail')
  await stop()
  await Promise.all([behind.close(), producer.close()])
})
