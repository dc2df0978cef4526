/** What a leader does every few seconds, so that no job waits for a sweep because the broker does not know of it. */
import { expect, test } from 'vitest'
import { type ComposedNode, claim, job, join, SCOPE, TYPE, World } from './world.ts'

async function start(): Promise<{ world: World; node: ComposedNode }> {
  const world = new World()
  const node = await world.node()
  await join(node, 'w')
  await node.store.sweep({})
  return { world, node }
}

async function tendAll(node: ComposedNode): Promise<number> {
  let rounds = 1
  while (await node.store.tend!()) rounds++
  return rounds
}

test('what was stored and never published is published once the grace is over', async () => {
  const { world, node } = await start()
  node.broker.down = true
  await node.store.insert([job('a')])
  await node.store.close!()
  const other = await world.node()
  await join(other, 'v')
  await other.store.tend!()
  expect(await claim(other, 'v')).toEqual([])
  await world.clock.advance(2_001)
  expect(await tendAll(other)).toBe(1)
  expect((await claim(other, 'v')).map(({ id }) => id)).toEqual(['a'])
})

test('a broker that lost everything is filled again, in as many rounds as it takes', async () => {
  const { world, node } = await start()
  const ids = Array.from({ length: 1_200 }, (_, index) => `job-${index}`)
  await node.store.insert(ids.slice(0, 1_000).map((id) => job(id)))
  await node.store.insert(ids.slice(1_000).map((id) => job(id)))
  await world.flush()
  expect(await tendAll(node)).toBe(3)
  expect((await world.queues.has(`${SCOPE}:${TYPE}`, ids)).every(Boolean)).toBe(true)
})

test('what was enqueued before the first round is not replayed by it: the broker lost nothing', async () => {
  const { world, node } = await start()
  await node.store.insert([job('a'), job('b')])
  const other = await world.node()
  await other.store.tend!()
  expect(other.broker.calls.get('publishMany')).toBeUndefined()
  await world.flush()
  await other.store.tend!()
  expect(other.broker.calls.get('publishMany')).toBe(1)
})

test('costs one call to the broker and two to the storage while all is well', async () => {
  const { node } = await start()
  // learns that nothing was lost
  await node.store.tend!()
  const calls = (): number =>
    [node.storage, node.broker].flatMap(({ calls }) => [...calls.values()]).reduce((sum, n) => sum + n, 0)
  const before = calls()
  expect(await node.store.tend!()).toBe(false)
  expect(calls() - before).toBe(3)
})

test('rounds of one node take turns', async () => {
  const { world, node } = await start()
  await node.store.insert([job('a'), job('b')])
  await world.flush()
  const looks = (): number => node.broker.calls.get('incarnation') ?? 0
  const before = looks()
  await Promise.all([node.store.tend!(), node.store.sweep({}), node.store.tend!()])
  expect(looks() - before).toBe(3)
  expect((await claim(node, 'w')).map(({ id }) => id).sort()).toEqual(['a', 'b'])
})
