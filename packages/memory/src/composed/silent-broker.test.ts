/** A broker that does not answer at all, neither yes nor no: nobody may wait for it. And one that has forgotten what is paused. */
import { expect, test } from 'vitest'
import {
  type ComposedNode,
  claim,
  claimOne,
  job,
  join,
  LEASE_MS,
  record,
  settle,
  TYPE,
  World,
} from './world.ts'

async function start(): Promise<{ world: World; node: ComposedNode }> {
  const world = new World()
  const node = await world.node()
  await join(node, 'w')
  await node.store.sweep({})
  return { world, node }
}

/** From now on nothing comes back from the broker, until the result is called. */
function silence(node: ComposedNode): () => void {
  let end: () => void = () => undefined
  const silent = new Promise<void>((resolve) => {
    end = resolve
  })
  node.broker.travel = () => silent
  return () => {
    node.broker.travel = () => undefined
    end()
  }
}

/** Whether the promise has settled once `ms` went by. */
async function settledWithin(world: World, ms: number, promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = (): void => {
    settled = true
  }
  promise.then(note, note)
  await world.clock.advance(ms)
  return settled
}

test('a worker keeps its lease, and what it runs, under a broker that is silent', async () => {
  const { world, node } = await start()
  await node.store.insert([job('a')])
  const { id, token } = await claimOne(node, 'w')
  silence(node)
  for (let past = 0; past < 3 * LEASE_MS; past += LEASE_MS / 3) {
    const beat = node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [{ id, token }])
    expect(await settledWithin(world, LEASE_MS / 10, beat)).toBe(true)
    expect(await beat).toEqual({ alive: true, lost: [], cancelRequested: [] })
    await world.clock.advance(LEASE_MS / 3 - LEASE_MS / 10)
  }
})

test('a result is stored within a second, also beside a claim, and is not run again when the broker is back', async () => {
  const { world, node } = await start()
  await node.store.insert([job('a'), job('b')])
  const [a, b] = await claim(node, 'w')
  const end = silence(node)
  const want = { worker: 'w', limit: 5, types: [{ type: TYPE }] }
  const settling = node.store.settle([{ id: a!.id, token: a!.token, kind: 'complete' }], want)
  expect(await settledWithin(world, 1_000, settling)).toBe(true)
  expect(await settling).toMatchObject({ settled: ['ok'], jobs: [] })
  expect(await record(node, 'a')).toMatchObject({ state: 'completed' })
  // a claim of its own does not keep what ends meanwhile waiting either, as long as something runs
  const claiming = claim(node, 'w')
  expect(await settledWithin(world, 1_000, claiming)).toBe(true)
  await expect(claiming).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  end()
  await world.clock.settle()
  expect(await settle(node, b!, { kind: 'complete' })).toBe('ok')
  for (let past = 0; past < 2 * LEASE_MS; past += LEASE_MS / 3) {
    await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [])
    expect(await claim(node, 'w')).toEqual([])
    await world.clock.advance(LEASE_MS / 3)
  }
})

test('what a claim gives when nobody waits for it any more is given back', async () => {
  const { world, node } = await start()
  await node.store.insert([job('a')])
  await claimOne(node, 'w')
  await node.store.insert([job('b')])
  const end = silence(node)
  const claiming = claim(node, 'w')
  expect(await settledWithin(world, 1_000, claiming)).toBe(true)
  await expect(claiming).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  end()
  await world.clock.settle()
  expect(await record(node, 'b')).toMatchObject({ state: 'pending', attempt: 0 })
  expect((await claimOne(node, 'w')).id).toBe('b')
})

test('a worker that has nothing to do waits for the broker, and claims the moment it is back', async () => {
  const { world, node } = await start()
  await node.store.insert([job('a')])
  const end = silence(node)
  const claiming = claim(node, 'w')
  expect(await settledWithin(world, LEASE_MS - 1, claiming)).toBe(false)
  end()
  expect((await claiming).map(({ id }) => id)).toEqual(['a'])
})

test('an enqueue is accepted within a second, and the next ones at once', async () => {
  const { world, node } = await start()
  const end = silence(node)
  const first = node.store.insert([job('a')])
  expect(await settledWithin(world, 1_000, first)).toBe(true)
  expect(await first).toEqual(['inserted'])
  expect(await settledWithin(world, 0, node.store.insert([job('b')]))).toBe(true)
  end()
  await world.clock.advance(1_000)
  await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [])
  expect((await claim(node, 'w')).map(({ id }) => id)).toEqual(['a', 'b'])
})

test('what was claimed is handed out although the broker went silent after it gave the ids', async () => {
  const { world, node } = await start()
  await node.store.insert([job('a')])
  node.broker.during('claimLeases', () => void silence(node), 'before')
  const claiming = claim(node, 'w')
  expect(await settledWithin(world, 1_000, claiming)).toBe(false)

  const other = await start()
  await other.node.store.insert([job('a')])
  other.node.broker.during('nextDueIn', () => new Promise(() => undefined))
  const handed = claim(other.node, 'w')
  expect(await settledWithin(other.world, 1_000, handed)).toBe(true)
  expect((await handed).map(({ id }) => id)).toEqual(['a'])
})

test('a paused type stays paused although the broker lost its flags, also for what is enqueued then', async () => {
  const { world, node } = await start()
  const other = await world.node()
  await join(other, 'v')
  await node.store.pause(TYPE, true)
  // every worker hears of it at its next heartbeat
  await other.store.heartbeat({ id: 'v', leaseMs: LEASE_MS }, [])
  await world.flush()
  await node.store.insert([job('a')])
  for (const [worker, at] of [
    ['v', other],
    ['w', node],
  ] as const)
    expect(await claim(at, worker)).toEqual([])
  expect(await record(node, 'a')).toMatchObject({ state: 'pending', attempt: 0 })
  await node.store.pause(TYPE, false)
  // at once, though `v` did not hear of that
  expect((await claimOne(other, 'v')).id).toBe('a')
})
