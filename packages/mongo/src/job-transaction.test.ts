import { BACKEND, type JobStore, type NewJob } from '@sched/core/adapter'
import { serviceUrl } from '@sched/test-services'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { mongo } from './index.ts'

const client = new MongoClient(serviceUrl('mongo'))
const db = client.db(`sched_job_tx_${process.pid}`)
const orders = db.collection<{ _id: number }>('orders')
const adapters = mongo(db)
const store = storeOf(adapters)

function storeOf(opened: typeof adapters): JobStore {
  return opened.storage[BACKEND]?.fuse({ scope: 'p:e:t', ...opened }) as JobStore
}

function job(id: string, more: Partial<NewJob> = {}): NewJob {
  return { id, type: 'mail', payload: { of: id }, priority: 0, ...more }
}

beforeAll(async () => {
  await adapters.storage.ready?.()
  await store.ready?.()
  await db.createCollection('orders')
})

afterAll(async () => {
  await store.close?.()
  await adapters.close()
  await db.dropDatabase()
  await client.close()
})

test('a job and the document it is about are committed together, and the commit wakes who waits', async () => {
  // another process, as it were: it hears by the change stream alone
  const other = mongo(serviceUrl('mongo'), { database: db.databaseName })
  onTestFinished(() => other.close())
  let wake: (type: string) => void = () => undefined
  await storeOf(other).subscribe(['mail'], (type) => wake(type))
  const session = client.startSession()
  session.startTransaction()
  await orders.insertOne({ _id: 1 }, { session })
  const answers = await store.insert([job('order-1'), job('order-1'), job('later', { delayMs: 60_000 })], {
    transaction: session,
  })
  expect(answers).toEqual(['inserted', 'exists', 'inserted'])
  expect(await store.get(['order-1'])).toEqual([null])
  const woken = new Promise<string>((resolve) => {
    wake = resolve
  })
  await session.commitTransaction()
  await session.endSession()
  expect(await woken).toBe('mail')
  expect(await store.get(['order-1'])).toMatchObject([{ state: 'pending', payload: { of: 'order-1' } }])
})

test('rolled back, both are gone', async () => {
  const session = client.startSession()
  session.startTransaction()
  await orders.insertOne({ _id: 2 }, { session })
  await store.insert([job('order-2')], { transaction: session })
  await session.abortTransaction()
  await session.endSession()
  expect(await store.get(['order-2'])).toEqual([null])
  expect(await store.insert([job('order-2')])).toEqual(['inserted'])
})

test('an id that is known leaves the transaction usable', async () => {
  await store.insert([job('order-3')])
  await client.withSession((session) =>
    session.withTransaction(async () => {
      expect(await store.insert([job('order-3'), job('order-3b')], { transaction: session })).toEqual([
        'exists',
        'inserted',
      ])
      await orders.insertOne({ _id: 3 }, { session })
    }),
  )
  expect((await store.get(['order-3b']))[0]?.state).toBe('pending')
  expect(await orders.countDocuments({ _id: 3 })).toBe(1)
})

test('two transactions that insert one id make one job: the later one is repeated by the driver', async () => {
  const insertOrder = (order: number): Promise<unknown> =>
    client.withSession((session) =>
      session.withTransaction(async () => {
        await orders.insertOne({ _id: order }, { session })
        return await store.insert([job('shared')], { transaction: session })
      }),
    )
  const answers = await Promise.all([insertOrder(10), insertOrder(11), insertOrder(12)])
  expect(answers.flat().sort()).toEqual(['exists', 'exists', 'inserted'])
  expect(await orders.countDocuments({ _id: { $gte: 10 } })).toBe(3)
})

test('what is no session in a transaction is refused by name', async () => {
  await expect(store.insert([job('x')], { transaction: {} })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  const session = client.startSession()
  await expect(store.insert([job('x')], { transaction: session })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
  await session.endSession()
})
