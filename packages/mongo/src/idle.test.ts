import { randomUUID } from 'node:crypto'
import { BACKEND } from '@sched/core/adapter'
import { startMongo } from '@sched/test-services'
import { MongoClient } from 'mongodb'
import { expect, onTestFinished, test } from 'vitest'
import { mongo } from './index.ts'

/** The driver watches its servers; a change stream waits for changes; the last one is ours. */
const NOT_COUNTED = new Set(['hello', 'isMaster', 'getMore', 'serverStatus'])

const DEADLINE_MS = 2_000

/** A worker over ten queues, how many commands the server has had, and how often it has answered a change stream. */
async function open(operationDeadlineMs = 10_000) {
  const server = await startMongo()
  const admin = new MongoClient(server.url)
  const settings = { prefix: randomUUID(), operationDeadlineMs }
  const { storage, broker, lock, close } = mongo(server.url, settings)
  onTestFinished(async () => {
    await close()
    await admin.close()
    await server.stop()
  })
  await storage.ready?.()
  const store = storage[BACKEND]?.fuse({ scope: 'a:b:c', storage, broker })
  if (store === undefined) throw new Error('the adapters do not fuse')
  const types = Array.from({ length: 10 }, (_, n) => ({ type: `type-${n}` }))
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  await store.subscribe(
    types.map(({ type }) => type),
    () => undefined,
  )
  await store.settle([], { worker: 'w', limit: 20, types })
  await lock.acquireLease?.('leader', 'w', 30_000)

  async function totals(): Promise<readonly (readonly [name: string, total: number])[]> {
    const { metrics } = await admin.db('admin').command({ serverStatus: 1 })
    const counted = Object.entries(metrics.commands as Record<string, { total?: number }>)
    return counted.map(([name, { total = 0 }]) => [name, Number(total)])
  }
  const sum = async (counts: (name: string) => boolean): Promise<number> =>
    (await totals()).reduce((all, [name, total]) => all + (counts(name) ? total : 0), 0)
  return {
    store,
    lock,
    types,
    commands: () => sum((name) => !NOT_COUNTED.has(name)),
    waits: () => sum((name) => name === 'getMore'),
  }
}

test('a minute of an idle worker over ten queues costs at most sixty commands', async () => {
  const { store, lock, types, commands } = await open()
  const before = await commands()
  // as often as the runtime does by default
  for (let poll = 0; poll < 12; poll++) await store.settle([], { worker: 'w', limit: 20, types })
  for (let beat = 0; beat < 4; beat++) await store.heartbeat({ id: 'w', leaseMs: 60_000 }, [])
  for (let renewal = 0; renewal < 6; renewal++) await lock.acquireLease?.('leader', 'w', 30_000)
  await store.sweep({})
  expect((await commands()) - before).toBeLessThanOrEqual(60)
})

test('on a replica set waiting alone costs nothing but the answers of the change stream', {
  timeout: 60_000,
}, async () => {
  const { commands, waits } = await open(DEADLINE_MS)
  const [before, waited] = [await commands(), await waits()]
  // each is answered after half the deadline when nothing comes
  await expect.poll(waits, { timeout: 20 * DEADLINE_MS }).toBeGreaterThanOrEqual(waited + 4)
  expect((await commands()) - before).toBeLessThanOrEqual(2)
})
