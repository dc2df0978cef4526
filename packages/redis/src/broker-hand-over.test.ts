import { randomUUID } from 'node:crypto'
import type { IBrokerEngine, Lease } from '@sched/core/adapter'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { redis } from './index.ts'
import { ownServer } from './own-server.support.ts'

const LEASE_MS = 60_000
const SOON = { timeout: 10_000 }

const { server, admin } = await ownServer()

/** The broker of a process that listens, and that of another. */
async function opened() {
  const prefix = `test-${randomUUID()}`
  const mine = redis(server.url, { prefix })
  const other = redis(server.url, { prefix })
  onTestFinished(async () => {
    await mine.close()
    await other.close()
  })
  const broker = mine.broker as Required<IBrokerEngine>
  const handed: Lease[] = []
  const claim = (limit = 1, consumer = 'w'): Promise<Lease[]> =>
    broker.claimLeases('mail', consumer, limit, LEASE_MS, { handOver: (lease) => void handed.push(lease) })
  const openHash = `{${prefix}:b:mail}q:mail:o`
  const openClaim = async (): Promise<void> => {
    do expect(await claim()).toEqual([])
    while ((await admin.hlen(openHash)) === 0)
  }
  await openClaim()
  return { broker, other: other.broker as Required<IBrokerEngine>, handed, claim, openClaim, openHash }
}

/** As if the message got lost: it goes where somebody listens who does not care. */
async function divert(openHash: string): Promise<void> {
  const listener = new Redis(server.url)
  onTestFinished(() => listener.disconnect())
  await listener.subscribe('elsewhere')
  const open = (await admin.hget(openHash, 'w')) as string
  await admin.hset(openHash, 'w', open.replace(/\S+$/, 'elsewhere'))
}

const idsOf = (leases: readonly Lease[]): string[] => leases.map(({ id }) => id)

test('an id that is published alone is leased to a consumer whose claim is open, and given to it', async () => {
  const { broker, other, handed } = await opened()
  await other.publish('mail', 'a', 0, 7)
  expect(await other.size('mail')).toEqual({ waiting: 0, delayed: 0, leased: 1 })
  expect(await other.claim('mail', 'v', 5, LEASE_MS)).toEqual([])
  await vi.waitFor(() => expect(handed).toMatchObject([{ id: 'a', deliveries: 1 }]), SOON)
  const { receipt } = handed[0] as Lease
  await broker.extendLock('a', 'w', LEASE_MS)
  expect(await broker.extendMany('mail', 'w', LEASE_MS, [{ id: 'a', receipt }])).toEqual([true])
  expect(await broker.nack('mail', 'a', 0, receipt)).toBe(true)
  const [again] = await other.claimLeases('mail', 'v', 5, LEASE_MS)
  expect(again).toMatchObject({ id: 'a', deliveries: 2 })
  expect(await broker.ack('mail', 'a', receipt)).toBe(false)
  expect(await other.ack('mail', 'a', again?.receipt)).toBe(true)
})

test('an open claim is handed one id; the next one waits', async () => {
  const { other, handed, claim } = await opened()
  await other.publish('mail', 'a')
  await other.publish('mail', 'b')
  await vi.waitFor(() => expect(idsOf(handed)).toEqual(['a']), SOON)
  expect(idsOf(await claim())).toEqual(['b'])
})

test('what got lost on its way the next claim gives, once, and it counts against its limit', async () => {
  const { other, handed, claim, openHash } = await opened()
  await divert(openHash)
  await other.publish('mail', 'a')
  await other.publish('mail', 'b')
  const [given, ...more] = await claim(1)
  expect(given).toMatchObject({ id: 'a', deliveries: 1 })
  expect(more).toEqual([])
  expect(idsOf(await claim(5))).toEqual(['b'])
  expect(handed).toEqual([])
  expect(await other.ack('mail', 'a', given?.receipt)).toBe(true)
})

test('what was acknowledged, or whose lease ended, is not given again', async () => {
  const { other, claim, openHash } = await opened()
  await divert(openHash)
  await other.publish('mail', 'a')
  await other.ack('mail', 'a')
  expect(await claim()).toEqual([])
})

test('each id comes once, by hand or by a claim that is under way', async () => {
  const { other, handed, claim, openClaim } = await opened()
  for (let round = 0; round < 60; round++) {
    await openClaim()
    handed.length = 0
    const published = other.publish('mail', `a${round}`)
    const given = (await Promise.all([claim(1), claim(1)])).flat()
    await published
    await vi.waitFor(() => expect(idsOf([...given, ...handed])).toEqual([`a${round}`]), SOON)
    expect(await claim(1)).toEqual([])
    expect(await other.ack('mail', `a${round}`, [...given, ...handed][0]?.receipt)).toBe(true)
    expect(idsOf([...given, ...handed])).toEqual([`a${round}`])
  }
})

test.each<[string, (other: Required<IBrokerEngine>) => Promise<unknown>]>([
  ['a batch', (other) => other.publishMany('mail', [{ id: 'a' }, { id: 'b' }])],
  ['what is delayed', (other) => other.publish('mail', 'a', 60_000)],
  ['another queue', (other) => other.publish('note', 'a')],
])('%s is not handed over', async (_, publish) => {
  const { other, handed, claim } = await opened()
  await publish(other)
  expect((await other.size('mail')).leased).toBe(0)
  await claim(5)
  expect(handed).toEqual([])
})

test('nothing is handed over before what waits, while paused, or to a claim with a limit over the cluster', async () => {
  const { broker, other, handed, openClaim, openHash } = await opened()
  await other.publishMany('mail', [{ id: 'a' }, { id: 'b' }])
  await other.publish('mail', 'behind', 0, 20)
  expect((await other.size('mail')).leased).toBe(0)
  expect(await other.claim('mail', 'v', 5, LEASE_MS)).toHaveLength(3)
  await other.pause('mail')
  await other.publish('mail', 'paused')
  expect((await other.size('mail')).waiting).toBe(1)
  await other.resume('mail')
  expect(await other.claim('mail', 'v', 5, LEASE_MS)).toEqual(['paused'])
  await openClaim()
  await admin.del(openHash)
  await broker.claimLeases('mail', 'w', 1, LEASE_MS, {
    maxActive: 9,
    handOver: (one) => void handed.push(one),
  })
  await other.publish('mail', 'limited')
  expect((await other.size('mail')).waiting).toBe(1)
  expect(handed).toEqual([])
})

test('a claim while paused gives nothing, also of what was handed over before', async () => {
  const { other, claim, openHash } = await opened()
  await divert(openHash)
  await other.publish('mail', 'a')
  await other.pause('mail')
  expect(await claim()).toEqual([])
  await other.resume('mail')
  expect(idsOf(await claim())).toEqual(['a'])
})

test('nothing is handed to a process that does not listen: it is woken again, and waits on', async () => {
  const { broker, other, handed, claim } = await opened()
  let wakes = 0
  await broker.subscribe(['mail'], () => {
    wakes++
  })
  await admin.call('client', 'kill', 'type', 'pubsub')
  await other.publish('mail', 'a')
  expect((await other.size('mail')).waiting).toBe(1)
  expect(idsOf(await claim(1))).toEqual(['a'])
  // once for the id, and once when it listens again
  await vi.waitFor(() => expect(wakes).toBeGreaterThanOrEqual(2), SOON)
  expect(await claim(1)).toEqual([])
  await other.publish('mail', 'b')
  await vi.waitFor(() => expect(idsOf(handed)).toEqual(['b']), SOON)
})
