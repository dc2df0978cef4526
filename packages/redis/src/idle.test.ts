import { expect, onTestFinished, test } from 'vitest'
import { redis } from './index.ts'
import { job, join, openStore } from './jobs.support.ts'
import { ownServer } from './own-server.support.ts'
import { CHECK_MS } from './wake-hub.ts'

const { server, admin } = await ownServer()

/** Commands the server has processed, those inside scripts included. */
async function commands(): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await admin.info('stats'))?.[1])
}

test('a minute of an idle worker over ten queues costs at most sixty commands', async () => {
  const { store, close } = await openStore({ url: server.url })
  const { lock, close: closeLock } = redis(server.url)
  onTestFinished(async () => {
    await close()
    await closeLock()
  })
  const types = Array.from({ length: 10 }, (_, n) => ({ type: `type-${n}` }))
  const want = { worker: 'w', limit: 20, types }
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  await store.subscribe(
    types.map(({ type }) => type),
    () => undefined,
  )
  await store.settle([], want)
  await lock.acquireLease?.('leader', 'w', 30_000)

  const before = await commands()
  // as often as the runtime does by default
  for (let poll = 0; poll < 12; poll++) await store.settle([], want)
  for (let beat = 0; beat < 4; beat++) await store.heartbeat({ id: 'w', leaseMs: 60_000 }, [])
  for (let renewal = 0; renewal < 6; renewal++) await lock.acquireLease?.('leader', 'w', 30_000)
  await store.sweep({})
  const looksOfTheHub = 60_000 / CHECK_MS
  expect((await commands()) - before + looksOfTheHub).toBeLessThanOrEqual(60)
})

test('a claim looks anew as soon as there is something, however quiet it was', async () => {
  const { store, close } = await openStore({ url: server.url })
  onTestFinished(close)
  const want = { worker: 'w', limit: 20, types: [{ type: 'mail' }] }
  await store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  await store.subscribe(['note'], () => undefined)
  for (let poll = 0; poll < 3; poll++) expect((await store.settle([], want)).nextDueInMs).toBeNull()
  await store.insert([{ id: 'later', type: 'mail', payload: 1, priority: 0, delayMs: 60_000 }])
  expect((await store.settle([], want)).nextDueInMs).toBeGreaterThan(50_000)
  await store.insert([{ id: 'now', type: 'mail', payload: 1, priority: 0 }])
  expect((await store.settle([], want)).jobs.map((one) => one.id)).toEqual(['now'])
})

test('a worker that joins again after the data were lost is woken as before', async () => {
  const { store, close } = await openStore({ url: server.url })
  onTestFinished(close)
  const want = { worker: 'w2', limit: 20, types: [{ type: 'mail' }] }
  await join(store)
  let wake = (): void => undefined
  const woken = () => new Promise<void>((resolve) => (wake = resolve))
  await store.subscribe(['mail'], () => wake())
  await admin.flushall()
  expect(await store.heartbeat({ id: 'w', leaseMs: 60_000 }, [])).toMatchObject({ alive: false })
  const refreshed = woken()
  await join(store, 'w2')
  await refreshed
  await store.settle([], want)
  const inserted = woken()
  await store.insert([job('a')])
  await inserted
  expect((await store.settle([], want)).jobs.map((one) => one.id)).toEqual(['a'])
})
