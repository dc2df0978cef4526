/** A broker that hands over: what was leased to a claim that stayed open is claimed in the storage, and given to the worker. */
import type { ClaimedJob } from '@sched/core/adapter'
import { expect, test, vi } from 'vitest'
import { Offers } from './offers.ts'
import { type ComposedNode, claim, job, join, LEASE_MS, record, settle, TYPE, WAYS, World } from './world.ts'

async function start(without: readonly string[] = []) {
  const world = new World({ without })
  const offers = new Offers()
  const node = await world.node({ offers })
  const other = await world.node()
  await join(node, 'w')
  const handed: ClaimedJob[] = []
  const ask = async (limit = 1): Promise<readonly ClaimedJob[]> => {
    const handOver = (given: ClaimedJob): void => void handed.push(given)
    return (await node.store.settle([], { worker: 'w', limit, types: [{ type: TYPE }], handOver })).jobs
  }
  expect(await ask()).toEqual([])
  return { world, offers, node, other, handed, ask }
}

/** The broker has these to give. */
async function waiting(world: World): Promise<number> {
  return (await world.queues.size!('s:p:e:mail')).waiting
}

async function beat(node: ComposedNode, over: object = {}): Promise<void> {
  await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS, claimGraceMs: 0, ...over }, [])
}

test.each(WAYS)(
  'it is claimed and given, and settles like any other; over a storage that $way',
  async (way) => {
    const { world, offers, node, other, handed } = await start(way.without)
    await other.store.insert([job('a')])
    await offers.hand()
    await vi.waitFor(() => expect(handed).toMatchObject([{ id: 'a', attempt: 1, payload: { of: 'a' } }]))
    expect(await record(other, 'a')).toMatchObject({ state: 'running', worker: 'w', fence: handed[0]!.fence })
    expect(await settle(node, handed[0]!, { kind: 'complete' })).toBe('ok')
    expect(await world.queues.has!('s:p:e:mail', ['a'])).toEqual([false])
  },
)

test.each(WAYS)('a heartbeat takes it for a claim under way; over a storage that $way', async (way) => {
  const { offers, node, other, handed } = await start(way.without)
  await other.store.insert([job('a')])
  node.storage.during('write', () => beat(node), 'after')
  await offers.hand()
  await vi.waitFor(() => expect(handed).toHaveLength(1))
  expect((await record(other, 'a')).state).toBe('running')
  expect(await settle(node, handed[0]!, { kind: 'complete' })).toBe('ok')
})

test('a claim is given one; what comes beyond goes back', async () => {
  const { world, offers, other, handed, ask } = await start()
  await other.store.insert([job('a'), job('b')])
  await offers.hand()
  await offers.hand()
  await vi.waitFor(async () => expect(await waiting(world)).toBe(1))
  await vi.waitFor(() => expect(handed.map(({ id }) => id)).toEqual(['a']))
  expect((await ask()).map(({ id }) => id)).toEqual(['b'])
})

test('what comes while the next claim is under way is in its answer, as far as there is room', async () => {
  const { world, offers, node, other, handed, ask } = await start()
  await other.store.insert([job('a'), job('b'), job('c')])
  node.broker.during('claimLeases', () => offers.hand())
  expect((await ask(2)).map(({ id }) => id)).toEqual(['b', 'c'])
  await vi.waitFor(async () => expect(await waiting(world)).toBe(1))
  node.broker.during('claimLeases', () => offers.hand())
  expect((await ask(2)).map(({ id }) => id)).toEqual(['a'])
  expect(handed).toEqual([])
})

test('a claim that fails keeps nothing that came meanwhile', async () => {
  const { world, offers, node, other, ask } = await start()
  await other.store.insert([job('a')])
  node.broker.during('claimLeases', () => offers.hand())
  node.broker.cut({ method: 'claimLeases', when: 'before' })
  await expect(ask()).rejects.toThrow('claimLeases was lost')
  await vi.waitFor(async () => expect(await waiting(world)).toBe(1))
})

test('a claim without hand-over is given nothing', async () => {
  const { world, offers, node, other, handed, ask } = await start()
  const late = offers.latest
  await claim(node, 'w')
  await other.store.insert([job('a')])
  await offers.hand(late)
  await vi.waitFor(async () => expect(await waiting(world)).toBe(1))
  expect(handed).toEqual([])
  expect(await ask()).toHaveLength(1)
})

test('a worker that leaves waits for what is being claimed for it, and gives it back; later ones go back at once', async () => {
  const { world, offers, node, other, handed } = await start()
  await other.store.insert([job('a'), job('b')])
  let left: Promise<void> | undefined
  node.storage.during('write', () => {
    left = beat(node, { phase: 'leave' })
  })
  await offers.hand()
  await vi.waitFor(() => expect(left).toBeDefined())
  await left
  expect(handed).toHaveLength(1)
  expect(await record(other, 'a')).toMatchObject({ state: 'pending', attempt: 0, crashes: 0 })
  await offers.hand()
  await vi.waitFor(async () => expect(await waiting(world)).toBe(2))
  expect(handed).toHaveLength(1)
})

test('a worker past its lease is given nothing', async () => {
  const { world, offers, other, handed } = await start()
  await other.store.insert([job('a')])
  await world.clock.advance(LEASE_MS)
  await offers.hand()
  await vi.waitFor(async () => expect(await waiting(world)).toBe(1))
  expect(handed).toEqual([])
})

test('what ended meanwhile is acknowledged, not given', async () => {
  const { world, offers, other, handed } = await start()
  await other.store.insert([job('a')])
  other.broker.cut({ method: 'remove', when: 'before' })
  await other.store.change(['a'], { kind: 'cancel' })
  expect(await waiting(world)).toBe(1)
  await offers.hand()
  await vi.waitFor(async () => expect(await world.queues.has!('s:p:e:mail', ['a'])).toEqual([false]))
  expect(handed).toEqual([])
})

test('a storage that is down has it given back for a while', async () => {
  const { world, offers, node, other, handed } = await start()
  await other.store.insert([job('a')])
  node.storage.down = true
  await offers.hand()
  const message = 'a job that was handed over was not claimed; it comes again'
  await vi.waitFor(() => expect(node.warnings).toContain(message))
  expect((await world.queues.size!('s:p:e:mail')).delayed).toBe(1)
  expect(handed).toEqual([])
})

test('nobody is woken for it, so a type that rests is asked for again', async () => {
  const { offers, node, other, handed, ask } = await start()
  await node.store.subscribe([TYPE], () => undefined)
  await ask()
  await ask()
  const asked = node.broker.calls.get('claimLeases')
  await other.store.insert([job('a')])
  await offers.hand()
  await vi.waitFor(() => expect(handed).toHaveLength(1))
  await ask()
  expect(node.broker.calls.get('claimLeases')).toBe(asked! + 1)
})
