/** Every row of the hybrid protocol's table of what may die when, by cutting a line at that step. */
import { describe, expect, test } from 'vitest'
import {
  BOOM,
  type ComposedNode,
  claim,
  claimOne,
  job,
  join,
  LEASE_MS,
  record,
  SCOPE,
  settle,
  TYPE,
  WAYS,
  World,
} from './world.ts'

describe.each(WAYS)('over a storage that $way', ({ without }) => {
  async function start(): Promise<{ world: World; node: ComposedNode }> {
    const world = new World({ without })
    const node = await world.node()
    await join(node, 'w')
    // what the broker has is known from here on
    await node.store.sweep({})
    return { world, node }
  }

  /** Keeps worker `w` alive over `ms`. */
  async function live(
    world: World,
    node: ComposedNode,
    ms: number,
    worker = 'w',
    held: { id: string; token: string }[] = [],
  ) {
    for (let left = ms; left > 0; left -= LEASE_MS / 2) {
      await world.clock.advance(Math.min(left, LEASE_MS / 2))
      expect(await node.store.heartbeat({ id: worker, leaseMs: LEASE_MS }, held)).toMatchObject({
        alive: true,
      })
    }
  }

  test('before the save: the caller gets an error, and nothing exists', async () => {
    const { world, node } = await start()
    node.storage.cut({ method: 'write', on: 'jobs', when: 'before' })
    await expect(node.store.insert([job('a')])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await node.store.get(['a'])).toEqual([null])
    expect(await world.queues.has(`${SCOPE}:${TYPE}`, ['a'])).toEqual([false])
  })

  test('save answered ambiguously: the same id again makes it one job', async () => {
    const { node } = await start()
    node.storage.cut({ method: 'write', on: 'jobs', when: 'after' })
    await expect(node.store.insert([job('a')])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      ambiguous: true,
    })
    expect(await node.store.insert([job('a')])).toEqual(['exists'])
    expect((await node.store.counts()).types[TYPE]?.pending).toBe(1)
  })

  test('after save, before publish: accepted; the fast sweep publishes, once the grace is over', async () => {
    const { world, node } = await start()
    node.broker.down = true
    expect(await node.store.insert([job('a'), job('b')])).toEqual(['inserted', 'inserted'])
    await node.store.close!()
    const other = await world.node()
    await join(other, 'v')
    expect(await claim(other, 'v')).toEqual([])
    await other.store.sweep({})
    expect(await claim(other, 'v')).toEqual([])
    await world.clock.advance(2_001)
    await other.store.sweep({})
    expect((await claim(other, 'v')).map(({ id }) => id)).toEqual(['a', 'b'])
  })

  test('after save, before publish, and the process lives: it publishes again by itself', async () => {
    const { world, node } = await start()
    node.broker.cut({ method: 'publishMany', when: 'before' })
    expect(await node.store.insert([job('a')])).toEqual(['inserted'])
    expect(node.warnings).toHaveLength(1)
    await world.clock.advance(1_000)
    expect((await claimOne(node, 'w')).id).toBe('a')
  })

  test('after publish, before `sent`: published twice, which coalesces', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    await node.store.close!()
    const other = await world.node()
    await join(other, 'v')
    await world.clock.advance(2_001)
    await other.store.sweep({})
    expect(other.broker.calls.get('publishMany')).toBe(1)
    expect(await world.queues.size(`${SCOPE}:${TYPE}`)).toMatchObject({ waiting: 1 })
    expect(await claim(other, 'v')).toHaveLength(1)
    // marked: the next round has nothing to publish
    await other.store.sweep({})
    expect(other.broker.calls.get('publishMany')).toBe(1)
  })

  test('a job that waits is marked `sent` by the process that published it, and never before', async () => {
    const { world, node } = await start()
    const dispatch = async () =>
      ((await world.records.get(`${SCOPE}:jobs`, 'a')) as { dispatch?: string }).dispatch
    node.broker.cut({ method: 'publishMany', when: 'before' })
    await node.store.insert([job('a')])
    await world.clock.advance(999)
    expect(await dispatch()).toBe('pending')
    await world.clock.advance(1)
    expect(await dispatch()).toBe('pending')
    await world.clock.advance(2_000)
    expect(await dispatch()).toBeUndefined()
  })

  test('after the broker’s claim, before the compare-and-set: delivered again, attempt not counted', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    node.storage.cut({ method: 'write', on: 'jobs', when: 'before' })
    await expect(claim(node, 'w')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await record(node, 'a')).toMatchObject({ state: 'pending', attempt: 0 })
    expect(await claim(node, 'w')).toEqual([])
    await live(world, node, LEASE_MS + 1)
    expect(await claimOne(node, 'w')).toMatchObject({ id: 'a', attempt: 1 })
  })

  test('claim’s compare-and-set answered ambiguously: a heartbeat finds it held but unknown, and releases it', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    node.storage.cut({ method: 'write', on: 'jobs', when: 'after' })
    await expect(claim(node, 'w')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await record(node, 'a')).toMatchObject({ state: 'running', attempt: 1 })
    const beat = { id: 'w', leaseMs: LEASE_MS, claimGraceMs: 1_000 }
    await node.store.heartbeat(beat, [])
    expect(await record(node, 'a')).toMatchObject({ state: 'running' })
    await world.clock.advance(1_000)
    await node.store.heartbeat(beat, [])
    expect(await record(node, 'a')).toMatchObject({ state: 'pending', attempt: 0, crashes: 0 })
    expect(await claimOne(node, 'w')).toMatchObject({ id: 'a', attempt: 1 })
  })

  test('while the handler runs: declared dead, delivered again, attempt + 1, crash counted', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    const first = await claimOne(node, 'w')
    await world.clock.advance(LEASE_MS)
    const other = await world.node()
    await join(other, 'v')
    expect(await claim(other, 'v')).toEqual([])
    expect(await other.store.sweep({})).toMatchObject({ dead: ['w'], recovered: 1 })
    const second = await claimOne(other, 'v')
    expect(second).toMatchObject({ id: 'a', attempt: 2, crashes: 1 })
    expect(second.fence).toBeGreaterThan(first.fence)
    expect(await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [first])).toMatchObject({
      alive: false,
      lost: ['a'],
    })
  })

  test('declared dead, and the sweeper died before it took the jobs back: the next round does, and so does a claim', async () => {
    for (const way of ['sweep', 'claim'] as const) {
      const { world, node } = await start()
      await node.store.insert([job('a')])
      await claimOne(node, 'w')
      await world.clock.advance(LEASE_MS + 1)
      const sweeper = await world.node()
      sweeper.storage.cut({ method: 'page', on: 'jobs', when: 'before' })
      await expect(sweeper.store.sweep({})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      const other = await world.node()
      await join(other, 'v')
      if (way === 'sweep') expect(await other.store.sweep({})).toMatchObject({ dead: [], recovered: 1 })
      expect(await claimOne(other, 'v')).toMatchObject({ id: 'a', attempt: 2, crashes: 1 })
      expect(await other.store.sweep({})).toMatchObject({ recovered: 0, crashed: 0 })
    }
  })

  test('side effect done, before the finish: runs twice, under the same id and a greater fence', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    const first = await claimOne(node, 'w')
    await node.store.close!()
    await world.clock.advance(LEASE_MS + 1)
    const other = await world.node()
    await join(other, 'v')
    await other.store.sweep({})
    const second = await claimOne(other, 'v')
    expect(second.id).toBe(first.id)
    expect(second.fence).toBeGreaterThan(first.fence)
    expect(await settle(other, second, { kind: 'complete' })).toBe('ok')
  })

  test('finish answered ambiguously: read again, own token and final is success', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    const claimed = await claimOne(node, 'w')
    node.storage.cut({ method: 'write', on: 'jobs', when: 'after' })
    expect(await settle(node, claimed, { kind: 'complete', result: 7, durationMs: 5 })).toBe('ok')
    expect(await record(node, 'a')).toMatchObject({ state: 'completed', result: 7 })
    expect((await node.store.counts()).types[TYPE]).toMatchObject({ completed: 1, durationMs: 5 })
    expect(await world.queues.has(`${SCOPE}:${TYPE}`, ['a'])).toEqual([false])
    // and the same outcome once more changes nothing
    expect(await settle(node, claimed, { kind: 'complete', result: 8 })).toBe('ok')
    expect(await record(node, 'a')).toMatchObject({ result: 7 })
    expect((await node.store.counts()).types[TYPE]).toMatchObject({ completed: 1, durationMs: 5 })
  })

  test('the claim forgotten in a crash of the storage’s server: its outcome is stale, and the job runs once more', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    const before = await world.records.get(`${SCOPE}:jobs`, 'a')
    const first = await claimOne(node, 'w')
    await world.records.save(`${SCOPE}:jobs`, 'a', before)
    expect(await settle(node, first, { kind: 'complete' })).toBe('stale')
    expect(await record(node, 'a')).toMatchObject({ state: 'pending' })
    await live(world, node, LEASE_MS + 1)
    expect(await settle(node, await claimOne(node, 'w'), { kind: 'complete' })).toBe('ok')
  })

  test('finish lost, not applied: read again, own token and running is written again', async () => {
    const { node } = await start()
    await node.store.insert([job('a')])
    const claimed = await claimOne(node, 'w')
    node.storage.cut({ method: 'write', on: 'jobs', when: 'before' })
    expect(await settle(node, claimed, { kind: 'complete', result: 7 })).toBe('ok')
    expect(await record(node, 'a')).toMatchObject({ state: 'completed', result: 7 })
  })

  test('finish refused because somebody asked to cancel: written on the new rev', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a'), job('b', { maxRetries: 1 })])
    const [a, b] = await claim(node, 'w')
    const other = await world.node()
    expect(await other.store.change(['a', 'b'], { kind: 'cancel' })).toEqual(['ok', 'ok'])
    expect(await settle(node, a!, { kind: 'complete', result: 1 })).toBe('ok')
    expect(await record(node, 'a')).toMatchObject({ state: 'completed', cancelRequested: true })
    // any way back to pending ends as cancelled
    expect(await settle(node, b!, { kind: 'retry', delayMs: 0, error: BOOM })).toBe('ok')
    expect(await record(node, 'b')).toMatchObject({ state: 'cancelled' })
  })

  test('after finish, before ack: delivered, found finished, acknowledged; no second run', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    const claimed = await claimOne(node, 'w')
    node.broker.cut({ method: 'ackMany', when: 'before' })
    expect(await settle(node, claimed, { kind: 'complete' })).toBe('ok')
    expect(await world.queues.has(`${SCOPE}:${TYPE}`, ['a'])).toEqual([true])
    await live(world, node, LEASE_MS + 1)
    expect(await claim(node, 'w')).toEqual([])
    expect(await world.queues.has(`${SCOPE}:${TYPE}`, ['a'])).toEqual([false])
    expect(await record(node, 'a')).toMatchObject({ state: 'completed', attempt: 1 })
  })

  test('retry saved, before nack: the lease ends, not due is given back until then', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a', { maxRetries: 3 })])
    const claimed = await claimOne(node, 'w')
    node.broker.cut({ method: 'nackMany', when: 'before' })
    expect(await settle(node, claimed, { kind: 'retry', delayMs: 10_000, error: BOOM })).toBe('ok')
    await live(world, node, LEASE_MS + 1)
    expect(await claim(node, 'w')).toEqual([])
    expect(await world.queues.size(`${SCOPE}:${TYPE}`)).toMatchObject({ delayed: 1, waiting: 0, leased: 0 })
    await live(world, node, 10_000 - LEASE_MS - 2)
    expect(await claim(node, 'w')).toEqual([])
    await world.clock.advance(1)
    expect(await claimOne(node, 'w')).toMatchObject({ attempt: 2, failures: 1 })
  })

  test('a zombie finishes late: refused once its job was taken back; it leaves the broker’s entry alone', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    const zombie = await claimOne(node, 'w')
    await world.clock.advance(LEASE_MS + 1)
    const other = await world.node()
    await join(other, 'v')
    await other.store.sweep({})
    expect(await settle(node, zombie, { kind: 'complete', result: 'late' })).toBe('stale')
    expect(await record(node, 'a')).toMatchObject({ state: 'pending', result: null })
    const second = await claimOne(other, 'v')
    expect(await settle(node, zombie, { kind: 'complete', result: 'later' })).toBe('stale')
    expect(await world.queues.size(`${SCOPE}:${TYPE}`)).toMatchObject({ leased: 1 })
    expect(await settle(other, second, { kind: 'complete', result: 'right' })).toBe('ok')
    expect(await settle(node, zombie, { kind: 'complete', result: 'last' })).toBe('stale')
    expect(await record(node, 'a')).toMatchObject({ state: 'completed', result: 'right' })
  })

  test('a worker that was replaced is forgotten: its late outcomes are judged by what is stored', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    const zombie = await claimOne(node, 'w')
    await world.clock.advance(LEASE_MS + 1)
    const other = await world.node()
    await other.store.sweep({})
    expect(await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [zombie])).toMatchObject({
      alive: false,
    })
    const writes = () =>
      ['compareAndSet', 'compareAndSetMany', 'patchMany'].map((name) => node.storage.calls.get(name))
    const before = writes()
    expect(await settle(node, zombie, { kind: 'complete' })).toBe('stale')
    expect(writes()).toEqual(before)
  })

  test('a finish after the declaration and before the take-back is accepted, harmlessly', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    const claimed = await claimOne(node, 'w')
    await world.clock.advance(LEASE_MS + 1)
    const sweeper = await world.node()
    sweeper.storage.cut({ method: 'page', on: 'jobs', when: 'before' })
    await expect(sweeper.store.sweep({})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await settle(node, claimed, { kind: 'complete' })).toBe('ok')
    expect(await sweeper.store.sweep({})).toMatchObject({ recovered: 0, crashed: 0 })
    expect(await record(node, 'a')).toMatchObject({ state: 'completed', crashes: 0 })
  })

  test('broker flushed: pause flags first, then every unfinished job; what runs goes on', async () => {
    const { world, node } = await start()
    await node.store.insert([
      job('a'),
      job('b'),
      job('later', { delayMs: 60_000 }),
      job('p', { type: 'paused' }),
    ])
    await node.store.pause('paused', true)
    const [running] = await claim(node, 'w', 1)
    await world.flush()
    expect(await claim(node, 'w')).toEqual([])
    await node.store.sweep({})
    expect(await world.queues.isPaused(`${SCOPE}:paused`)).toBe(true)
    expect(await claim(node, 'w', 10, [{ type: 'paused' }])).toEqual([])
    expect((await claim(node, 'w')).map(({ id }) => id)).toEqual(['b'])
    expect(await settle(node, running!, { kind: 'complete' })).toBe('ok')
    await live(world, node, 60_000, 'w', [])
    expect((await claim(node, 'w')).map(({ id }) => id)).toContain('later')
  })

  test('a rebuild goes on over as many rounds as it takes, and once done is not made again', async () => {
    const { world, node } = await start()
    const ids = Array.from({ length: 25 }, (_, index) => `job-${String(index).padStart(2, '0')}`)
    await node.store.insert(ids.map((id) => job(id)))
    await world.flush()
    let rounds = 0
    while ((await node.store.sweep({ limit: 10 })).more) rounds++
    expect(rounds).toBe(2)
    expect(await world.queues.size(`${SCOPE}:${TYPE}`)).toMatchObject({ waiting: 25 })
    expect((await claim(node, 'w', 25)).map(({ id }) => id).sort()).toEqual(ids)
    const published = node.broker.calls.get('publishMany')
    await node.store.sweep({ limit: 10 })
    expect(node.broker.calls.get('publishMany')).toBe(published)
  })

  test('the broker forgot one id: the audit publishes it, in time also behind a page of ids that are there', async () => {
    const { world, node } = await start()
    const ids = Array.from({ length: 30 }, (_, index) => `job-${String(index).padStart(2, '0')}`)
    await node.store.insert(ids.map((id) => job(id)))
    await world.queues.remove(`${SCOPE}:${TYPE}`, 'job-29')
    await world.clock.advance(5_001)
    for (let round = 0; round < 3; round++) await node.store.sweep({ limit: 10 })
    expect(await world.queues.has(`${SCOPE}:${TYPE}`, ids)).toEqual(ids.map(() => true))
  })

  test('storage down at the claim: given back with a delay, and claimed when it is back', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    node.storage.cut({
      method: without.includes('patchMany') ? 'get' : 'patchMany',
      on: 'jobs',
      when: 'before',
    })
    await expect(claim(node, 'w')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await world.queues.size(`${SCOPE}:${TYPE}`)).toMatchObject({ delayed: 1, leased: 0 })
    await world.clock.advance(1_000)
    expect(await claimOne(node, 'w')).toMatchObject({ id: 'a', attempt: 1 })
  })

  test('storage down for longer than the lease: nobody is dead until workers had a lease’s time to renew', async () => {
    const { world, node } = await start()
    const sweeper = await world.node()
    await node.store.insert([job('a')])
    const claimed = await claimOne(node, 'w')
    for (const line of [node.storage, sweeper.storage]) line.down = true
    for (let waited = 0; waited < LEASE_MS * 2; waited += 1_000) {
      await world.clock.advance(1_000)
      await expect(sweeper.store.sweep({})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    }
    for (const line of [node.storage, sweeper.storage]) line.down = false
    expect(await sweeper.store.sweep({})).toMatchObject({ dead: [], recovered: 0 })
    expect(await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [claimed])).toMatchObject({
      alive: true,
      lost: [],
    })
    await world.clock.advance(LEASE_MS - 1)
    expect(await sweeper.store.sweep({})).toMatchObject({ dead: [] })
    await world.clock.advance(1)
    expect(await sweeper.store.sweep({})).toMatchObject({ dead: ['w'], recovered: 1 })
  })

  test('past its lease by its own clock a worker claims nothing, though nobody declared it dead', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    await world.clock.advance(LEASE_MS)
    expect(await claim(node, 'w')).toEqual([])
    expect(node.broker.calls.get('claimLeases')).toBeUndefined()
    expect(await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [])).toMatchObject({ alive: true })
    expect(await claim(node, 'w')).toHaveLength(1)
  })

  test('a heartbeat whose answer was lost refuses the next one, which is its own doing: the worker goes on', async () => {
    const { world, node } = await start()
    node.storage.cut({ method: 'write', on: 'workers', when: 'after' })
    await expect(node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    await world.clock.advance(1)
    expect(await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [])).toMatchObject({ alive: true })
  })

  test('running under a worker that is not dead: the redelivered id is given back until its lease ends', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    const claimed = await claimOne(node, 'w')
    // the broker's lease ends under its holder
    await world.queues.nack(`${SCOPE}:${TYPE}`, 'a')
    const other = await world.node()
    await join(other, 'v')
    expect(await claim(other, 'v')).toEqual([])
    expect(await world.queues.nextDueIn(`${SCOPE}:${TYPE}`)).toBe(LEASE_MS)
    expect(await settle(node, claimed, { kind: 'complete' })).toBe('ok')
  })

  test('two reconcilers at once count each crash, each expiry and each death once', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a'), job('b'), job('old', { expiresInMs: 10, type: 'other' })])
    await claim(node, 'w')
    await world.clock.advance(LEASE_MS + 1)
    const nodes = await Promise.all([world.node(), world.node(), world.node()])
    const reports = await Promise.all(nodes.map(({ store }) => store.sweep({})))
    const total = (what: 'recovered' | 'crashed' | 'expired') =>
      reports.reduce((sum, report) => sum + report[what], 0)
    expect(reports.flatMap(({ dead }) => dead)).toEqual(['w'])
    expect([total('recovered'), total('crashed'), total('expired')]).toEqual([2, 0, 1])
    expect(await record(node, 'a')).toMatchObject({ state: 'pending', crashes: 1 })
    expect((await node.store.counts()).types.other).toMatchObject({ failed: 1, pending: 0 })
  })

  test('an id used again after it was forgotten does not begin at an old rev: a late write of its former life is refused', async () => {
    const { world, node } = await start()
    const keep = { completed: { count: 0 } }
    await node.store.insert([job('a', { retention: keep, rememberMs: 1_000 })])
    const key = [`${SCOPE}:jobs`, 'a'] as const
    const former = (await world.records.get(...key)) as { rev: number }
    expect(await settle(node, await claimOne(node, 'w'), { kind: 'complete' })).toBe('ok')
    expect(await node.store.insert([job('a')])).toEqual(['exists'])
    await live(world, node, 1_001)
    await node.store.sweep({})
    expect(await node.store.insert([job('a')])).toEqual(['inserted'])
    for (const expected of [former.rev, former.rev + 1, former.rev + 2])
      expect(await world.records.compareAndSet(...key, expected, { ...former, rev: expected + 1 })).toBe(
        false,
      )
    expect(await claimOne(node, 'w')).toMatchObject({ id: 'a', attempt: 1 })
  })

  test('a missing record is given back once, then acknowledged', async () => {
    const { world, node } = await start()
    await world.queues.publish(`${SCOPE}:${TYPE}`, 'ghost')
    expect(await claim(node, 'w')).toEqual([])
    expect(await world.queues.size(`${SCOPE}:${TYPE}`)).toMatchObject({ delayed: 1 })
    await world.clock.advance(1_000)
    expect(await claim(node, 'w')).toEqual([])
    expect(await world.queues.has(`${SCOPE}:${TYPE}`, ['ghost'])).toEqual([false])
  })

  test('the broker’s failures fail no settle and no sweep', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a'), job('b', { expiresInMs: 5 })])
    const claimed = (await claim(node, 'w')).find(({ id }) => id === 'a')!
    node.broker.down = true
    expect(await settle(node, claimed, { kind: 'complete' })).toBe('ok')
    expect(await node.store.change(['b'], { kind: 'cancel' })).toEqual(['ok'])
    await world.clock.advance(LEASE_MS + 1)
    expect(await node.store.sweep({})).toMatchObject({ dead: ['w'], recovered: 0, crashed: 0 })
    expect(await record(node, 'a')).toMatchObject({ state: 'completed' })
  })
})
