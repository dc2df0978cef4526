import { type ClaimedJob, type JobRecord, openJobStore } from '@sched/core/adapter'
import { describe, expect, test } from 'vitest'
import { memory } from '../index.ts'
import {
  BOOM,
  type ComposedNode,
  claim,
  claimOne,
  job,
  join,
  LEASE_MS,
  type NodeOptions,
  type OutcomeOf,
  record,
  SCOPE,
  settle,
  TYPE,
  World,
} from './world.ts'

const QUEUE = `${SCOPE}:${TYPE}`

async function start(options: NodeOptions = {}): Promise<{ world: World; node: ComposedNode }> {
  const world = new World(options)
  const node = await world.node()
  await join(node, 'w')
  await node.store.sweep({})
  return { world, node }
}

const nextTurn = () => new Promise(setImmediate)

/** To run again, at once. */
const BACK = {
  retry: { kind: 'retry', delayMs: 0, error: BOOM },
  snooze: { kind: 'snooze', delayMs: 0 },
  release: { kind: 'release' },
} satisfies Record<string, OutcomeOf>

const idsOf = (items: readonly { id: string }[]) => items.map(({ id }) => id)

describe('round trips', () => {
  test.each([
    { trips: 4, without: [] },
    { trips: 5, without: ['patchMany'] },
  ])(
    'from claim to acknowledged a batch of 100 costs $trips without $without, and one enqueue of 100 two',
    async ({ trips, without }) => {
      const { node } = await start({ without })
      await node.store.insert([job('first')])
      await settle(node, await claimOne(node, 'w'), { kind: 'complete' })
      const calls = () =>
        [node.storage, node.broker].flatMap((line) => [...line.calls]).filter(([name]) => name !== 'ready')
      const total = () => calls().reduce((sum, [, count]) => sum + count, 0)

      let before = total()
      await node.store.insert(Array.from({ length: 100 }, (_, index) => job(`job-${index}`)))
      expect(total() - before).toBe(2)
      before = total()
      const jobs = await claim(node, 'w', 100)
      expect(jobs).toHaveLength(100)
      await node.store.settle(jobs.map(({ id, token }) => ({ id, token, kind: 'complete' })))
      expect(total() - before).toBe(trips)
    },
  )
})

describe('claims', () => {
  test('take the types in turn, fill what is free, and ask empty types for little', async () => {
    const { node } = await start()
    const types = ['a', 'b', 'c'].map((type) => ({ type }))
    await node.store.insert([
      ...Array.from({ length: 10 }, (_, index) => job(`a-${index}`, { type: 'a' })),
      ...Array.from({ length: 2 }, (_, index) => job(`b-${index}`, { type: 'b' })),
    ])
    expect(await claim(node, 'w', 9, types)).toHaveLength(9)
    expect(await claim(node, 'w', 9, types)).toHaveLength(3)
    expect(await claim(node, 'w', 9, types)).toHaveLength(0)
  })

  test('say when to come back', async () => {
    const { node } = await start()
    const want = { worker: 'w', limit: 2, types: [{ type: TYPE }, { type: 'other' }] }
    expect((await node.store.settle([], want)).nextDueInMs).toBeNull()
    await node.store.insert([job('later', { delayMs: 500 }), job('x', { type: 'other', delayMs: 300 })])
    expect((await node.store.settle([], want)).nextDueInMs).toBe(300)
    await node.store.insert([job('a'), job('b'), job('c')])
    expect((await node.store.settle([], want)).nextDueInMs).toBe(0)
    await node.store.pause(TYPE, true)
    await node.store.pause('other', true)
    expect((await node.store.settle([], want)).nextDueInMs).toBeNull()
  })

  test('are not held back by the clocks’ errors, nor begin early by them', async () => {
    const { world, node } = await start()
    // the sender’s estimate of the server’s time was ahead
    await node.store.insert([job('now')])
    const [namespace, row] = [
      `${SCOPE}:jobs`,
      await world.records.get<{ runAt: number }>(`${SCOPE}:jobs`, 'now'),
    ]
    await world.records.save(namespace, 'now', { ...row, runAt: row!.runAt + 50 })
    expect(await claimOne(node, 'w')).toMatchObject({ id: 'now' })
    // the broker’s clock is ahead: it delivers too early
    await node.store.insert([job('early', { delayMs: 1_000 })])
    await world.queues.publish(QUEUE, 'early', 0)
    expect(await claim(node, 'w')).toEqual([])
    expect(await world.queues.nextDueIn(QUEUE)).toBe(1_000)
    await world.clock.advance(1_000)
    expect(await claimOne(node, 'w')).toMatchObject({ id: 'early' })
  })

  test('of a worker whose lease ends while they are under way give everything back', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    node.broker.during('claimLeases', () => world.clock.advance(LEASE_MS), 'after')
    expect(await claim(node, 'w')).toEqual([])
    expect(await record(node, 'a')).toMatchObject({ state: 'pending', attempt: 0 })
    expect(await world.queues.size(QUEUE)).toMatchObject({ waiting: 1, leased: 0 })
  })

  test('under way count as held: a heartbeat meanwhile releases nothing of theirs', async () => {
    const { node } = await start()
    const beat = () => node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS, claimGraceMs: 0 }, [])
    await node.store.insert([job('a')])
    // the claim is stored, and its answer on the way, when the heartbeat reads
    node.storage.during('write', beat, 'after')
    const claimed = await claimOne(node, 'w')
    expect(await record(node, 'a')).toMatchObject({ state: 'running', attempt: 1 })
    expect(await settle(node, claimed, { kind: 'complete' })).toBe('ok')
  })

  test('count as held until the call that made them is answered, and a turn longer', async () => {
    const { node } = await start()
    await node.store.insert([job('a')])
    const { id, token } = await claimOne(node, 'w')
    await node.store.insert([job('b')])
    // the settle beside the claim takes longer
    node.storage.during(
      'write',
      async () => {
        while ((await record(node, 'b')).state !== 'running') await nextTurn()
        await nextTurn()
        await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS, claimGraceMs: 0 }, [{ id, token }])
      },
      'after',
    )
    const want = { worker: 'w', limit: 1, types: [{ type: TYPE }] }
    const { jobs } = await node.store.settle([{ id, token, kind: 'complete' }], want)
    expect(idsOf(jobs)).toEqual(['b'])
    expect(await record(node, 'b')).toMatchObject({ state: 'running', attempt: 1 })
  })

  test('made while a heartbeat measures the time are not released by it', async () => {
    const { node } = await start()
    await node.store.insert([job('a')])
    let claims: Promise<ClaimedJob> | undefined
    node.storage.during('now', async () => {
      claims = claimOne(node, 'w')
      await claims
      await nextTurn()
    })
    await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS, claimGraceMs: 0 }, [])
    expect(await claims).toMatchObject({ id: 'a' })
    expect(await record(node, 'a')).toMatchObject({ state: 'running', attempt: 1 })
  })

  test.each([{ kind: 'complete' } as const, ...Object.values(BACK)])(
    'released by a heartbeat are not settled any more: $kind',
    async (outcome) => {
      const { node } = await start()
      await node.store.insert([job('a')])
      const claimed = await claimOne(node, 'w')
      await nextTurn()
      await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS, claimGraceMs: 0 }, [])
      expect(await settle(node, claimed, outcome)).toBe('stale')
      expect(await settle(node, await claimOne(node, 'w'), { kind: 'complete' })).toBe('ok')
      expect(await record(node, 'a')).toMatchObject({ state: 'completed', attempt: 1, failures: 0 })
    },
  )

  test.each(Object.values(BACK))(
    'settled by $kind were settled: what comes again under their token changes nothing and is ok',
    async (outcome) => {
      const { node } = await start()
      await node.store.insert([job('a', { maxRetries: 1 })])
      const claimed = await claimOne(node, 'w')
      expect(await settle(node, claimed, outcome)).toBe('ok')
      const before = await record(node, 'a')
      expect(await settle(node, claimed, { kind: 'complete' })).toBe('ok')
      expect(await record(node, 'a')).toEqual(before)
    },
  )

  test('beside a settle that fails are given back', async () => {
    const { node } = await start()
    await node.store.insert([job('a'), job('b')])
    const held = await claim(node, 'w')
    await node.store.insert([job('c')])
    const outcomes = held.map(({ id, token }) => ({ id, token, kind: 'complete' as const }))
    for (const method of ['write', 'getMany']) node.storage.cut({ method, on: 'jobs', when: 'before' })
    const want = { worker: 'w', limit: 1, types: [{ type: TYPE }] }
    await expect(node.store.settle(outcomes, want)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await record(node, 'c')).toMatchObject({ state: 'pending', attempt: 0 })
    const { settled, jobs } = await node.store.settle(outcomes, want)
    expect([settled, idsOf(jobs)]).toEqual([['ok', 'ok'], ['c']])
  })

  test('that fail beside a settle do not hide what became of the outcomes', async () => {
    const { node } = await start()
    await node.store.insert([job('a')])
    const { id, token } = await claimOne(node, 'w')
    node.broker.cut({ method: 'claimLeases', when: 'before' })
    const want = { worker: 'w', limit: 1, types: [{ type: TYPE }] }
    expect(await node.store.settle([{ id, token, kind: 'complete' }], want)).toEqual({
      settled: ['ok'],
      jobs: [],
      nextDueInMs: 1_000,
    })
  })

  test('of a type at its limit say to come back, but not at once', async () => {
    const { node } = await start()
    await node.store.insert([job('a'), job('b')])
    const want = { worker: 'w', limit: 5, types: [{ type: TYPE, maxActive: 1 }] }
    expect((await node.store.settle([], want)).jobs).toHaveLength(1)
    const { jobs, nextDueInMs } = await node.store.settle([], want)
    expect(jobs).toEqual([])
    expect(nextDueInMs).toBeGreaterThan(0)
  })

  test('through another node, and settled through a third', async () => {
    const { world, node } = await start()
    const [second, third] = await Promise.all([world.node(), world.node()])
    await node.store.insert([job('a', { maxRetries: 1 })])
    const first = await claimOne(second, 'w')
    expect(await settle(third, first, { kind: 'retry', delayMs: 0, error: BOOM })).toBe('ok')
    expect(await world.queues.size(QUEUE)).toMatchObject({ waiting: 1, leased: 0 })
    expect(await settle(node, await claimOne(node, 'w'), { kind: 'complete' })).toBe('ok')
    expect(await world.queues.has(QUEUE, ['a'])).toEqual([false])
    // what the second still has in its book is dropped at a heartbeat, and an outcome of it is a repeat
    await second.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [])
    expect(await settle(second, first, { kind: 'complete' })).toBe('ok')
    expect((await node.store.counts()).types[TYPE]).toMatchObject({ completed: 1 })
  })

  test('find a job that was moved to later only then', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a'), job('b', { delayMs: 60_000 })])
    expect(await node.store.change(['a'], { kind: 'reschedule', delayMs: 2_000 })).toEqual(['ok'])
    expect(await node.store.change(['b'], { kind: 'promote' })).toEqual(['ok'])
    expect(idsOf(await claim(node, 'w'))).toEqual(['b'])
    await world.clock.advance(2_000)
    expect(idsOf(await claim(node, 'w'))).toEqual(['a'])
  })
})

test('a retry whose entry the broker lost is published by the settle itself', async () => {
  const { world, node } = await start()
  await node.store.insert([job('a', { maxRetries: 1 })])
  const claimed = await claimOne(node, 'w')
  await world.flush()
  expect(await settle(node, claimed, { kind: 'retry', delayMs: 0, error: BOOM })).toBe('ok')
  expect(await claimOne(node, 'w')).toMatchObject({ id: 'a', attempt: 2 })
})

describe('a payload and a result that are too large for one value together', () => {
  const half = 'x'.repeat(5 * 1024 * 1024)

  test('are both kept by a storage that patches', async () => {
    const { node } = await start()
    await node.store.insert([job('a', { payload: half })])
    expect(await settle(node, await claimOne(node, 'w'), { kind: 'complete', result: half })).toBe('ok')
    const { payload, result } = await record(node, 'a')
    expect([payload === half, result === half]).toEqual([true, true])
    expect((await node.store.list({ state: 'completed' })).jobs).toHaveLength(1)
  })

  test('are refused by one that replaces records, which then takes the end without the result', async () => {
    const { node } = await start({ without: ['patchMany'] })
    await node.store.insert([job('a', { payload: half })])
    const claimed = await claimOne(node, 'w')
    await expect(settle(node, claimed, { kind: 'complete', result: half })).rejects.toMatchObject({
      code: 'VALUE_TOO_LARGE',
    })
    expect(await settle(node, claimed, { kind: 'complete' })).toBe('ok')
    expect(await record(node, 'a')).toMatchObject({ state: 'completed', result: null })
  })
})

describe('a record that is no job', () => {
  test('becomes a dead letter that keeps its stored form, and hides no other', async () => {
    const { world, node } = await start()
    await node.store.insert([job('good'), job('bad')])
    await world.records.save(`${SCOPE}:jobs`, 'bad', { id: 'bad', odd: [1, new Date(0)], rev: 7 })
    expect(idsOf(await claim(node, 'w'))).toEqual(['good'])
    const bad = await record(node, 'bad')
    expect(bad).toMatchObject({ type: TYPE, state: 'failed', reason: 'undecodable', payload: null })
    expect(bad.raw).toBe('{"id":"bad","odd":[1,{"$date":0}],"rev":7}')
    expect((await node.store.list({ state: 'failed' })).jobs).toEqual([bad])
    expect((await node.store.counts()).types[TYPE]).toMatchObject({ failed: 1 })
    expect(await world.queues.has(QUEUE, ['bad'])).toEqual([false])
    expect(await node.store.change(['bad'], { kind: 'discard' })).toEqual(['ok'])
  })

  test('is shown as one also before a claim finds it', async () => {
    const { world, node } = await start()
    await world.records.save(`${SCOPE}:jobs`, 'bad', 'a string')
    expect(await record(node, 'bad')).toMatchObject({
      state: 'failed',
      reason: 'undecodable',
      raw: '"a string"',
    })
  })
})

describe('retention', () => {
  const keepTwo = { retention: { completed: { count: 2 } } }

  async function finishAll(node: ComposedNode, worker: string): Promise<void> {
    const jobs = await claim(node, worker, 100)
    await node.store.settle(jobs.map(({ id, token }) => ({ id, token, kind: 'complete', durationMs: 2 })))
  }
  const kept = async (node: ComposedNode) => idsOf((await node.store.list({ state: 'completed' })).jobs)

  test('by count is kept at the settle, within a batch and over batches, without a read', async () => {
    const { node } = await start()
    await node.store.insert([1, 2, 3].map((n) => job(`a-${n}`, keepTwo)))
    await finishAll(node, 'w')
    expect(await kept(node)).toEqual(['a-2', 'a-3'])
    await node.store.insert([job('b-1', keepTwo)])
    const reads = node.storage.calls.get('list')
    await finishAll(node, 'w')
    expect(node.storage.calls.get('list')).toBe(reads)
    expect(await kept(node)).toEqual(['a-3', 'b-1'])
    // the ids stay known
    expect(await node.store.insert([job('a-1'), job('a-2')])).toEqual(['exists', 'exists'])
    expect(await node.store.get(['a-1', 'a-2'])).toEqual([null, null])
    expect((await node.store.counts()).types[TYPE]).toMatchObject({ completed: 4, durationMs: 8 })
  })

  test('by count over several nodes is made exact by the sweep', async () => {
    const { world, node } = await start()
    const other = await world.node()
    await join(other, 'v')
    for (const [index, [one, worker]] of (
      [
        [node, 'w'],
        [other, 'v'],
        [node, 'w'],
        [other, 'v'],
      ] as const
    ).entries()) {
      await one.store.insert([job(`job-${index}`, keepTwo)])
      await finishAll(one, worker)
      await world.clock.advance(1)
    }
    expect(await kept(node)).toHaveLength(4)
    await world.clock.advance(100)
    expect(await (await world.node()).store.sweep({})).toMatchObject({ pruned: 2 })
    expect(await kept(node)).toEqual(['job-2', 'job-3'])
    expect((await node.store.counts()).types[TYPE]).toMatchObject({ completed: 4 })
  })

  test('by age is kept by the sweep; the id stays known for its time, then it is free', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a', { retention: { completed: { ageMs: 1_000 } }, rememberMs: 5_000 })])
    await finishAll(node, 'w')
    await world.clock.advance(999)
    await node.store.sweep({})
    expect(await kept(node)).toEqual(['a'])
    await world.clock.advance(1)
    expect(await node.store.sweep({})).toMatchObject({ pruned: 1 })
    expect(await kept(node)).toEqual([])
    await world.clock.advance(4_000)
    await node.store.sweep({})
    expect(await node.store.insert([job('a')])).toEqual(['exists'])
    await world.clock.advance(1)
    expect(await node.store.sweep({})).toMatchObject({ pruned: 1 })
    expect(await node.store.insert([job('a')])).toEqual(['inserted'])
  })

  test('a dead letter that was retried is not pruned by the age of its first end', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a', { retention: { failed: { ageMs: 1_000 } }, rememberMs: 0 })])
    expect(
      await settle(node, await claimOne(node, 'w'), { kind: 'fail', error: BOOM, reason: 'error' }),
    ).toBe('ok')
    expect(await node.store.change(['a'], { kind: 'retry' })).toEqual(['ok'])
    await world.clock.advance(2_000)
    await node.store.sweep({})
    expect(await claimOne(node, 'w')).toMatchObject({ id: 'a', attempt: 2, failures: 0 })
  })
})

describe('the counters of finished jobs', () => {
  test('add up over nodes, and over nodes that ended long ago, whose share is folded once', async () => {
    const { world, node } = await start()
    for (const [index, one] of [node, await world.node(), await world.node()].entries()) {
      await one.store.insert([job(`job-${index}`)])
      await settle(one, await claimOne(one, 'w'), { kind: 'complete', durationMs: 10 })
      await one.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [])
    }
    const counts = async () => (await node.store.counts()).types[TYPE]
    await world.clock.advance(100)
    expect(await counts()).toMatchObject({ completed: 3, durationMs: 30 })
    await world.clock.advance(25 * 3_600_000)
    const shares = () => world.records.count(`${SCOPE}:tallies`)
    expect(await shares()).toBe(3)
    node.storage.cut({ method: 'delete', on: 'tallies', when: 'before' })
    await expect(node.store.sweep({})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await shares()).toBe(4)
    expect(await counts()).toMatchObject({ completed: 3, durationMs: 30 })
    await Promise.all([node.store.sweep({}), (await world.node()).store.sweep({})])
    expect(await counts()).toMatchObject({ completed: 3, durationMs: 30 })
    for (let round = 0; round < 3; round++) await node.store.sweep({})
    expect(await shares()).toBe(1)
    expect(await counts()).toMatchObject({ completed: 3, durationMs: 30 })
    // a node that only slept goes on with a new share
    await join(node, 'w2')
    await node.store.insert([job('late')])
    await settle(node, await claimOne(node, 'w2'), { kind: 'complete', durationMs: 1 })
    expect(await counts()).toMatchObject({ completed: 4, durationMs: 31 })
  })

  test('that could not be stored are stored with the next ones, and fail no settle', async () => {
    const { node } = await start()
    await node.store.insert([job('a'), job('b')])
    const [a, b] = await claim(node, 'w')
    node.storage.cut({ method: 'compareAndSet', on: 'tallies', when: 'before' })
    expect(await settle(node, a!, { kind: 'complete' })).toBe('ok')
    expect((await node.store.counts()).types[TYPE]).toMatchObject({ completed: 0 })
    node.storage.cut({ method: 'compareAndSet', on: 'tallies', when: 'after' })
    expect(await settle(node, b!, { kind: 'complete' })).toBe('ok')
    await node.store.insert([job('c')])
    expect(await settle(node, await claimOne(node, 'w'), { kind: 'complete' })).toBe('ok')
    expect((await node.store.counts()).types[TYPE]).toMatchObject({ completed: 3 })
  })
})

describe('pausing', () => {
  test('is the storage’s truth: a sweep tells a broker that missed it', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    node.broker.cut({ method: 'pause', when: 'before' })
    await expect(node.store.pause(TYPE, true)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await world.queues.isPaused(QUEUE)).toBe(false)
    await node.store.sweep({})
    expect(await world.queues.isPaused(QUEUE)).toBe(true)
    expect((await node.store.counts()).types[TYPE]).toMatchObject({ paused: true })
    node.broker.cut({ method: 'resume', when: 'before' })
    await expect(node.store.pause(TYPE, false)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await node.store.sweep({})
    expect(await claim(node, 'w')).toHaveLength(1)
  })

  test('changed while a sweep tells the broker is not undone by it', async () => {
    const { world, node } = await start()
    const sweeper = await world.node()
    await node.store.insert([job('a')])
    node.broker.cut({ method: 'pause', when: 'before' })
    await expect(node.store.pause(TYPE, true)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    sweeper.broker.during('pause', () => node.store.pause(TYPE, false))
    await sweeper.store.sweep({})
    expect(await world.queues.isPaused(QUEUE)).toBe(false)
  })
})

describe('the base tier', () => {
  const WITHOUT = [
    ...['compareAndSet', 'compareAndSetMany', 'getMany', 'saveMany', 'page', 'now', 'index'],
    ...[
      'claimLeases',
      'publishMany',
      'ackMany',
      'nackMany',
      'extendMany',
      'remove',
      'has',
      'nextDueIn',
      'isPaused',
    ],
    ...['incarnation', 'subscribe'],
  ]

  test('runs jobs at least once, and says once what it lacks', async () => {
    const world = new World()
    const node = await world.node({ without: WITHOUT })
    expect(node.warnings).toHaveLength(1)
    expect(node.warnings[0]).toContain('storage.compareAndSet, storage.page, storage.now')
    await join(node, 'w')
    expect(await node.store.insert([job('a', { maxRetries: 1 }), job('b'), job('a')])).toEqual([
      'inserted',
      'inserted',
      'exists',
    ])
    expect(await node.store.insert([job('b')])).toEqual(['exists'])
    const [a, b] = await claim(node, 'w')
    expect(await settle(node, a!, { kind: 'retry', delayMs: 100, error: BOOM })).toBe('ok')
    expect(await node.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [b!])).toMatchObject({
      alive: true,
      lost: [],
    })
    await world.clock.advance(100)
    expect(await settle(node, await claimOne(node, 'w'), { kind: 'complete', result: 1 })).toBe('ok')
    await world.clock.advance(LEASE_MS)
    expect(await node.store.sweep({})).toMatchObject({ dead: ['w'], recovered: 1 })
    await join(node, 'v')
    expect(await settle(node, await claimOne(node, 'v'), { kind: 'complete' })).toBe('ok')
    const { jobs } = await node.store.list({ limit: 1 })
    const rest = await node.store.list({ limit: 5, after: (await node.store.list({ limit: 1 })).after! })
    expect([...jobs, ...rest.jobs].map(({ state }: JobRecord) => state)).toEqual(['completed', 'completed'])
    expect(node.warnings).toHaveLength(1)
  })

  test('never marks a job `sent` by overwriting it; the audit publishes what the broker lacks', async () => {
    const world = new World()
    const node = await world.node({ without: WITHOUT })
    await join(node, 'w', 60_000)
    node.broker.cut({ method: 'publish', when: 'before' })
    await node.store.insert([job('a')])
    await node.store.close!()
    const other = await world.node({ without: WITHOUT })
    await world.clock.advance(5_001)
    await other.store.sweep({})
    expect(await claim(other, 'w')).toHaveLength(1)
  })

  test('is refused by requireFenced, naming what is missing', () => {
    const { storage, broker, lock } = memory()
    const bare = new Proxy(storage, {
      get: (target, key) => (key === 'page' ? undefined : Reflect.get(target, key)),
    })
    const open = () =>
      openJobStore({
        adapters: { storage: bare, broker, lock },
        scope: SCOPE,
        fuse: false,
        requireFenced: true,
      })
    expect(open).toThrow('requireFenced: the adapters lack storage.page')
  })
})

describe('a type’s limit where the broker holds none', () => {
  const without = ['claimLeases']
  const types = [{ type: TYPE, maxActive: 2 }]

  test('holds over the cluster, and is free again by a settle, a release, and the end of a lease', async () => {
    const world = new World()
    const [one, two] = [await world.node({ without }), await world.node({ without })]
    await join(one, 'w')
    await join(two, 'v')
    await one.store.insert([1, 2, 3, 4, 5].map((n) => job(`job-${n}`)))
    const first = await claim(one, 'w', 10, types)
    expect(first).toHaveLength(2)
    expect(await claim(two, 'v', 10, types)).toEqual([])
    expect(await settle(one, first[0]!, { kind: 'complete' })).toBe('ok')
    const second = await claim(two, 'v', 10, types)
    expect(second).toHaveLength(1)
    await world.clock.advance(LEASE_MS / 2)
    await one.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [first[1]!])
    await world.clock.advance(LEASE_MS / 2)
    await one.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [first[1]!])
    expect(await one.store.sweep({})).toMatchObject({ dead: ['v'], recovered: 1 })
    expect(await claim(one, 'w', 10, types)).toHaveLength(1)
    expect(await claim(one, 'w', 10, types)).toEqual([])
    await one.store.heartbeat({ id: 'w', leaseMs: LEASE_MS, phase: 'leave' }, [])
    await join(two, 'v2')
    expect(await claim(two, 'v2', 10, types)).toHaveLength(2)
  })
})

describe('the life of the store', () => {
  test('refuses every call after its end, leaves no timer, and its adapters open', async () => {
    const { world, node } = await start()
    await node.store.insert([job('a')])
    node.broker.down = true
    await node.store.insert([job('b')])
    const stop = await node.store.subscribe([TYPE], () => undefined).catch(() => undefined)
    expect(stop).toBeUndefined()
    node.broker.down = false
    await node.store.subscribe([TYPE], () => undefined)
    await node.store.close!()
    await node.store.close!()
    expect(world.clock.pending).toBe(0)
    for (const call of [
      () => node.store.insert([]),
      () => node.store.settle([]),
      () => node.store.sweep({}),
      () => node.store.get([]),
      () => node.store.counts(),
      () => node.store.workers(),
      () => node.store.ready!(),
      () => node.store.ping!(),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(await world.queues.size(QUEUE)).toMatchObject({ waiting: 1 })
  })

  test('idle, types of which wakes come cost a look each at every third claim, and none less soon what is published', async () => {
    const { world, node } = await start()
    const types = Array.from({ length: 10 }, (_, n) => ({ type: `type-${n}` }))
    await node.store.subscribe(
      types.map(({ type }) => type),
      () => undefined,
    )
    const calls = (): number => [...node.broker.calls.values()].reduce((sum, count) => sum + count, 0)
    const poll = () => claim(node, 'w', 20, types)
    await poll()
    const before = calls()
    for (let polls = 0; polls < 12; polls++) expect(await poll()).toEqual([])
    // a minute of polls, as often as the runtime makes them by default
    expect(calls() - before).toBe(40)
    await node.store.insert([job('a', { type: 'type-3' }), job('later', { type: 'type-4', delayMs: 50 })])
    expect((await poll()).map(({ id }) => id)).toEqual(['a'])
    await world.clock.advance(50)
    expect((await poll()).map(({ id }) => id)).toEqual(['later'])
  })

  test('wakes come from the broker, and end', async () => {
    const { node } = await start()
    const woken: string[] = []
    const stop = await node.store.subscribe([TYPE], (type) => woken.push(type))
    await node.store.insert([job('a')])
    expect(woken).toEqual([TYPE])
    await stop()
    await node.store.insert([job('b')])
    expect(woken).toEqual([TYPE])
  })
})
