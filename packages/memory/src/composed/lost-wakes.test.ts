/** A type that had nothing rests until a wake. Wakes get lost, so other things end its rest, too. */
import { expect, test } from 'vitest'
import { type ComposedNode, claim, job, join, LEASE_MS, TYPE, World } from './world.ts'

/** A node that hears no wakes, and whose one type has nothing; and one that fills the broker. */
async function start(): Promise<{ world: World; node: ComposedNode; other: ComposedNode }> {
  const world = new World()
  const other = await world.node()
  await other.store.sweep({})
  const node = await world.node({ deaf: true })
  await join(node, 'w')
  await node.store.subscribe([TYPE], () => undefined)
  expect(await claim(node, 'w')).toEqual([])
  return { world, node, other }
}

function jobs(count: number) {
  return Array.from({ length: count }, (_, index) => job(`job-${index}`))
}

async function claimed(node: ComposedNode, times: number): Promise<number[]> {
  const counts: number[] = []
  for (let time = 0; time < times; time++) counts.push((await claim(node, 'w')).length)
  return counts
}

test('once it gives it rests no more, however full the claims are', async () => {
  const { node, other } = await start()
  await other.store.insert(jobs(30))
  expect(await claimed(node, 6)).toEqual([0, 0, 10, 10, 10, 0])
})

test('what this process publishes it claims without being woken', async () => {
  const { node } = await start()
  await node.store.insert([job('a')])
  expect(await claimed(node, 1)).toEqual([1])
})

test('a heartbeat finds out that the broker lost its data: nothing rests then', async () => {
  const { world, node, other } = await start()
  await other.store.insert(jobs(1))
  await world.flush()
  await other.store.tend!()
  await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [])
  expect(await claimed(node, 1)).toEqual([1])
})
