/** Jobs that are enqueued many at a time: one record says that they are under way, none is marked. */
import { describe, expect, test } from 'vitest'
import { type ComposedNode, claim, job, join, SCOPE, TYPE, WAYS, World } from './world.ts'

const MANY = Array.from({ length: 300 }, (_, n) => `job-${String(n).padStart(3, '0')}`)
const GRACE_MS = 2_000
const LONGEST_CALL_MS = 20_000

describe.each(WAYS)('over a storage that $way', ({ without }) => {
  async function start() {
    const world = new World({ without })
    const node = await world.node()
    await join(node, 'w', 60_000)
    await node.store.sweep({})
    const dispatchOf = async (id: string): Promise<unknown> =>
      (await world.records.get<{ dispatch?: string }>(`${SCOPE}:jobs`, id))?.dispatch
    const batches = (): Promise<number> => world.records.count(`${SCOPE}:batches`)
    const waiting = async (): Promise<number> => (await world.queues.size(`${SCOPE}:${TYPE}`)).waiting
    return { world, node, dispatchOf, batches, waiting }
  }

  /** Another process, after that one ended. */
  async function after(world: World, node: ComposedNode): Promise<ComposedNode> {
    await node.store.close!()
    const other = await world.node()
    await join(other, 'v')
    return other
  }

  test('none is marked, and the batch ends once they are published', async () => {
    const { world, node, dispatchOf, batches, waiting } = await start()
    await node.store.insert(MANY.map((id) => job(id)))
    const writes = () => ['patchMany', 'compareAndSetMany'].map((name) => node.storage.calls.get(name))
    const before = writes()
    await world.clock.advance(10_000)
    expect(writes()).toEqual(before)
    expect(await dispatchOf('job-000')).toMatch(/^batch:/)
    expect([await batches(), await waiting()]).toEqual([0, MANY.length])
    // nothing is left to do
    const published = node.broker.calls.get('publishMany')
    await node.store.sweep({})
    expect(node.broker.calls.get('publishMany')).toBe(published)
    expect(await claim(node, 'w', 500)).toHaveLength(MANY.length)
    expect(await dispatchOf('job-000')).toBeUndefined()
  })

  test('after save, before publish: the fast sweep publishes, once the grace is over, and later ends the batch', async () => {
    const { world, node, batches, waiting } = await start()
    node.broker.down = true
    await node.store.insert(MANY.map((id) => job(id)))
    const other = await after(world, node)
    await other.store.sweep({})
    expect([await batches(), await waiting()]).toEqual([1, 0])
    await world.clock.advance(GRACE_MS + 1)
    await other.store.tend!()
    expect([await batches(), await waiting()]).toEqual([1, MANY.length])
    await world.clock.advance(LONGEST_CALL_MS)
    await other.store.tend!()
    expect([await batches(), await waiting()]).toEqual([0, MANY.length])
  })

  test('a save without an answer: what it stored is published, and so is what comes a little later', async () => {
    const { world, node, waiting } = await start()
    node.storage.cut({ method: 'write', on: 'jobs', when: 'after' })
    await expect(node.store.insert(MANY.map((id) => job(id)))).rejects.toMatchObject({ ambiguous: true })
    const late = await world.records.get<object>(`${SCOPE}:jobs`, 'job-000')
    await world.records.delete(`${SCOPE}:jobs`, 'job-000')
    const other = await after(world, node)
    await world.clock.advance(GRACE_MS + 1)
    await other.store.tend!()
    expect(await waiting()).toBe(MANY.length - 1)
    await world.records.save(`${SCOPE}:jobs`, 'job-000', late)
    await world.clock.advance(1_000)
    await other.store.tend!()
    expect(await waiting()).toBe(MANY.length)
  })

  test('what is saved after its batch has ended is found by the audit', async () => {
    const { world, node, waiting } = await start()
    await node.store.insert(MANY.map((id) => job(id)))
    const late = await world.records.get<object>(`${SCOPE}:jobs`, 'job-000')
    const runAt = world.clock.now()
    await world.records.save(`${SCOPE}:jobs`, 'late', { ...late, id: 'late', runAt })
    await node.store.tend!()
    await world.clock.advance(6_000)
    await node.store.tend!()
    expect(await waiting()).toBe(MANY.length)
    await node.store.sweep({})
    expect(await waiting()).toBe(MANY.length + 1)
  })

  test('more batches than a round looks at are looked at in the next', async () => {
    const { world, node, batches, waiting } = await start()
    node.broker.down = true
    const all = Array.from({ length: 25 }, (_, n) => MANY.slice(0, 200).map((id) => job(`${n}-${id}`)))
    for (const jobs of all) await node.store.insert(jobs)
    const other = await after(world, node)
    await world.clock.advance(LONGEST_CALL_MS + GRACE_MS + 1)
    expect(await other.store.tend!()).toBe(true)
    expect(await other.store.tend!()).toBe(false)
    expect([await batches(), await waiting()]).toEqual([0, 25 * 200])
  })

  test('a full batch is known to be at its end', async () => {
    const { world, node, batches, waiting } = await start()
    node.broker.down = true
    await node.store.insert(Array.from({ length: 1_000 }, (_, n) => job(`${n}`)))
    const other = await after(world, node)
    await world.clock.advance(LONGEST_CALL_MS + GRACE_MS + 1)
    await other.store.tend!()
    expect([await batches(), await waiting()]).toEqual([0, 1_000])
  })

  test('a save that was refused leaves no batch', async () => {
    const { world, node, batches } = await start()
    await node.store.insert(MANY.map((id) => job(id)))
    expect(new Set(await node.store.insert(MANY.map((id) => job(id))))).toEqual(new Set(['exists']))
    await world.clock.advance(0)
    expect(await batches()).toBe(0)
  })
})
