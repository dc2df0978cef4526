import { ManualClock } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import { createMemoryBroker, MemoryServer } from './index.ts'

function setup() {
  const clock = new ManualClock()
  const server = new MemoryServer({ clock })
  return { clock, broker: createMemoryBroker({ server }), other: createMemoryBroker({ server }) }
}

test('ten thousand delayed ids and a listener arm one timer', async () => {
  const { clock, broker } = setup()
  const woken: number[] = []
  await broker.subscribe(['q'], () => void woken.push(clock.now()))
  const start = clock.now()
  await broker.publishMany(
    'q',
    Array.from({ length: 10_000 }, (_, i) => ({ id: `id-${i}`, delayMs: 20_000 - i })),
  )
  expect(clock.pending).toBe(1)
  await clock.advance(10_000)
  expect(woken).toEqual([])
  await clock.advance(2)
  expect(woken).toEqual([start + 10_001, start + 10_002])
  expect(await broker.claim('q', 'c', 10, 1_000)).toEqual(['id-9999', 'id-9998'])
})

test('without listeners nothing is armed', async () => {
  const { clock, broker } = setup()
  await broker.publish('q', 'a', 100)
  await broker.claim('q', 'c', 1, 1_000)
  expect(clock.pending).toBe(0)
})

test('listeners hear of a publish on another node, a resume, an ended lease and a freed place', async () => {
  const { clock, broker, other } = setup()
  let woken = 0
  const wakes = async () => {
    await clock.settle()
    const count = woken
    woken = 0
    return count
  }
  const stop = await broker.subscribe(['q'], () => void woken++)
  await other.publish('q', 'a')
  expect(await wakes()).toBe(1)
  await broker.pause('q')
  await other.publish('q', 'b')
  expect(await wakes()).toBe(0)
  await broker.resume('q')
  expect(await wakes()).toBe(1)
  const [lease] = await broker.claimLeases('q', 'c', 5, 1_000, { maxActive: 1 })
  expect(await wakes()).toBe(0)
  await broker.ack('q', lease!.id, lease!.receipt)
  expect(await wakes()).toBe(1)
  await broker.claim('q', 'c', 1, 1_000)
  await clock.advance(999)
  expect(await wakes()).toBe(0)
  await clock.advance(1)
  expect(await wakes()).toBe(1)
  await stop()
  await other.publish('q', 'c')
  expect(await wakes()).toBe(0)
  expect(clock.pending).toBe(0)
})

test('blocked claims are served by a publish, a due moment and an ended lease, each id once', async () => {
  const { clock, broker, other } = setup()
  const first = broker.claimBlocking('q', 'c1', 1_000, 60_000)
  const second = other.claimBlocking('q', 'c2', 1_000, 60_000)
  await broker.publish('q', 'a')
  expect(await first).toBe('a')
  await broker.publish('q', 'b', 300)
  await clock.advance(300)
  expect(await second).toBe('b')
  const third = other.claimBlocking('q', 'c3', 1_000, 60_000)
  await clock.advance(700)
  expect(await third).toBe('a')
  expect(clock.pending).toBe(0)
})

test('a blocked claim ends with its timeout, its signal and its node, and leaves nothing behind', async () => {
  const { clock, broker, other } = setup()
  const abort = new AbortController()
  const timed = broker.claimBlocking('q', 'c', 1_000, 50)
  const aborted = broker.claimBlocking('q', 'c', 1_000, 500, 'fifo', abort.signal)
  const closed = other.claimBlocking('q', 'c', 1_000, 500)
  await clock.advance(50)
  expect(await timed).toBeNull()
  abort.abort()
  expect(await aborted).toBeNull()
  await other.close()
  expect(await closed).toBeNull()
  expect(await broker.claimBlocking('q', 'c', 1_000, 500, 'fifo', AbortSignal.abort())).toBeNull()
  expect(clock.pending).toBe(0)
  await broker.publish('q', 'a')
  expect(await broker.claim('q', 'c', 5, 1_000)).toEqual(['a'])
})

test('an extension without a queue goes to the one this adapter claimed the id from', async () => {
  const { clock, broker, other } = setup()
  await broker.publish('q1', 'a')
  await broker.publish('q2', 'a')
  await broker.claim('q1', 'c', 1, 1_000)
  await other.claim('q2', 'c', 1, 1_000)
  await broker.extendLock('a', 'c', 9_000)
  await clock.advance(1_000)
  expect(await broker.size('q1')).toEqual({ waiting: 0, delayed: 0, leased: 1 })
  expect(await broker.size('q2')).toEqual({ waiting: 1, delayed: 0, leased: 0 })
  await expect(other.extendLock('a', 'c', 9_000)).rejects.toMatchObject({ code: 'LEASE_LOST' })
})

test('a released place under maxActive is not announced when nothing could take it', async () => {
  const { clock, broker } = setup()
  await broker.publishMany('q', [{ id: 'a' }, { id: 'b' }])
  await broker.claimLeases('q', 'c', 2, 1_000, { maxActive: 1 })
  await broker.remove('q', 'b')
  let woken = 0
  await broker.subscribe(['q'], () => void woken++)
  await broker.ack('q', 'a')
  await clock.settle()
  expect(woken).toBe(0)
})

test('a receipt from before the queues were cleared proves nothing afterwards', async () => {
  const server = new MemoryServer()
  const node = createMemoryBroker({ server })
  await node.publish('q', 'a')
  const [before] = await node.claimLeases('q', 'c', 1, 1_000)
  await createMemoryBroker({ server, resetOnInit: true }).ready()
  await node.publish('q', 'a')
  const [after] = await node.claimLeases('q', 'c', 1, 1_000)
  expect(await node.ack('q', 'a', before!.receipt)).toBe(false)
  expect(await node.ack('q', 'a', after!.receipt)).toBe(true)
})
