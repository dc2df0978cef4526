import type { NewJob } from '@sched/core/adapter'
import { describe, expect, test } from 'vitest'
import { Random } from '../random.support.ts'
import { Crew, LEASE_MS } from './crew.support.ts'

describe('claiming', () => {
  test('goes by priority, due time and order of insert over all types together', async () => {
    const crew = new Crew()
    await crew.join('w')
    const random = new Random(8)
    const jobs = Array.from({ length: 2_000 }, (_, i) => ({
      id: `job-${i}`,
      type: `type-${random.integer(30)}`,
      priority: random.integer(5) - 2,
      delayMs: random.integer(40),
      order: i,
    }))
    await crew.store.insert(jobs.map(({ order: _, ...job }) => ({ ...job, payload: null })))
    await crew.clock.advance(20)
    const due = jobs
      .filter(({ delayMs }) => delayMs <= 20)
      .sort((a, b) => b.priority - a.priority || a.delayMs - b.delayMs || a.order - b.order)
    const types = Array.from({ length: 30 }, (_, i) => `type-${i}`)
    const claimed: string[] = []
    for (let ids = await crew.claimIds(37, types); ids.length > 0; ids = await crew.claimIds(37, types))
      claimed.push(...ids)
    expect(claimed).toEqual(due.map(({ id }) => id))
  })

  test('keeps each limit of its own, and the cluster-wide one', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert(...Array.from({ length: 6 }, (_, i) => ({ id: `a-${i}`, type: 'a', priority: 5 })))
    await crew.insert(...Array.from({ length: 6 }, (_, i) => ({ id: `b-${i}`, type: 'b' })))
    const want = [
      { type: 'a', limit: 4, maxActive: 3 },
      { type: 'b', limit: 2 },
    ]
    expect(await crew.claimIds(100, want)).toEqual(['a-0', 'a-1', 'a-2', 'b-0', 'b-1'])
    expect(await crew.claimIds(100, want)).toEqual(['b-2', 'b-3'])
    expect(await crew.nextDue(want[0]!)).toBeNull()
    expect(await crew.nextDue(...want)).toBe(0)
  })

  test('an expired job at the head takes no place under maxActive, and is followed by the next', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert({ id: 'late', priority: 1, expiresInMs: 5 }, 'fine', 'waits')
    await crew.clock.advance(5)
    expect(await crew.claimIds(10, [{ type: 't', maxActive: 1 }])).toEqual(['fine'])
    expect((await crew.store.get(['late']))[0]).toMatchObject({
      state: 'failed',
      reason: 'expired',
      attempt: 0,
    })
  })

  test('a backlog of expired jobs is worked off in bounded claims that ask to come again', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert(
      ...Array.from({ length: 2_500 }, (_, i) => ({ id: `job-${i}`, priority: 1, expiresInMs: 1 })),
      'fine',
    )
    await crew.clock.advance(1)
    const want = { worker: 'w', limit: 1, types: [{ type: 't' }] }
    const first = await crew.store.settle([], want)
    expect([first.jobs.length, first.nextDueInMs]).toEqual([0, 0])
    await crew.store.settle([], want)
    expect((await crew.store.settle([], want)).jobs.map(({ id }) => id)).toEqual(['fine'])
    expect((await crew.store.counts()).types.t).toMatchObject({ failed: 2_500, pending: 0, running: 1 })
  })

  test('a released job takes its old place again, before those of the same millisecond', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert('a', 'b', 'c', 'd')
    const claimed = await crew.claim(2)
    await crew.insert('e')
    await crew.store.settle(
      claimed.toReversed().map(({ id, token }) => ({ id, token, kind: 'release' as const })),
    )
    expect(await crew.claimIds()).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('what is claimed and what is stored are copies of each other', async () => {
    const crew = new Crew()
    await crew.join('w')
    const payload = { list: [{ n: 1 }], at: new Date(5) }
    const options = { backoff: { delay: 1 } }
    await crew.insert({ id: 'a', payload, options })
    payload.list[0]!.n = 9
    options.backoff.delay = 9
    const [job] = await crew.claim()
    ;(job!.payload as typeof payload).list[0]!.n = 7
    ;(job!.payload as typeof payload).at.setTime(7)
    const [record] = await crew.store.get(['a'])
    expect(record).toMatchObject({
      payload: { list: [{ n: 1 }], at: new Date(5) },
      options: { backoff: { delay: 1 } },
    })
  })
})

describe('next due', () => {
  test('is exact to the millisecond, over all wanted types, and forgets what left', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert({ id: 'a', type: 'a', delayMs: 500 }, { id: 'b', type: 'b', delayMs: 300, priority: 5 })
    expect([await crew.nextDue('a'), await crew.nextDue('a', 'b'), await crew.nextDue('c')]).toEqual([
      500,
      300,
      null,
    ])
    await crew.clock.advance(120)
    expect(await crew.nextDue('a', 'b')).toBe(180)
    await crew.store.change(['b'], { kind: 'cancel' })
    expect(await crew.nextDue('a', 'b')).toBe(380)
    await crew.store.change(['a'], { kind: 'reschedule', delayMs: 2 ** 40 })
    expect(await crew.nextDue('a', 'b')).toBe(2 ** 40)
    await crew.store.pause('a', true)
    expect(await crew.nextDue('a', 'b')).toBeNull()
  })
})

describe('wakes', () => {
  async function listening(crew: Crew, ...types: string[]) {
    let woken: string[] = []
    const stop = await crew.open().subscribe(types, (type) => void woken.push(type))
    await crew.clock.settle()
    woken = []
    return {
      stop,
      async heard(): Promise<string[]> {
        await crew.clock.settle()
        const heard = woken
        woken = []
        return heard
      },
    }
  }

  test('come once for a batch, at a due moment, at a resume, and for a retry', async () => {
    const crew = new Crew()
    await crew.join('w')
    const { heard } = await listening(crew, 't', 'u')
    await crew.insert('a', 'b', 'c', { id: 'other', type: 'nobody listens' })
    expect(await heard()).toEqual(['t'])
    await crew.insert({ id: 'later', type: 'u', delayMs: 50 })
    expect(await heard()).toEqual([])
    await crew.clock.advance(49)
    expect(await heard()).toEqual([])
    await crew.clock.advance(1)
    expect(await heard()).toEqual(['u'])
    await crew.store.pause('t', true)
    await crew.insert('d')
    expect(await heard()).toEqual([])
    await crew.store.pause('t', false)
    expect(await heard()).toEqual(['t'])
    const [job] = await crew.claim(1)
    await crew.store.settle([{ id: job!.id, token: job!.token, kind: 'release' }])
    expect(await heard()).toEqual(['t'])
  })

  test('a due moment while paused is made up for at the resume, a later one still rings', async () => {
    const crew = new Crew()
    await crew.store.pause('t', true)
    const { heard } = await listening(crew, 't')
    await crew.insert({ id: 'a', delayMs: 10 }, { id: 'b', delayMs: 500 })
    await crew.clock.advance(100)
    expect(await heard()).toEqual([])
    await crew.store.pause('t', false)
    expect(await heard()).toEqual(['t'])
    await crew.clock.advance(400)
    expect(await heard()).toEqual(['t'])
  })

  test('a settle wakes a type that maxActive held back, and no other', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert('a', 'b')
    const { heard } = await listening(crew, 't')
    const [job] = await crew.claim(5, [{ type: 't', maxActive: 1 }])
    expect(await heard()).toEqual([])
    await crew.complete(job!)
    expect(await heard()).toEqual(['t'])
    await crew.complete(...(await crew.claim(1)))
    expect(await heard()).toEqual([])
  })

  test('a hundred thousand delayed jobs arm one timer, and none once nobody listens', async () => {
    const crew = new Crew()
    const { stop, heard } = await listening(crew, 't')
    const random = new Random(9)
    for (let batch = 0; batch < 100; batch++) {
      await crew.insert(
        ...Array.from({ length: 1_000 }, (_, i) => ({
          id: `${batch}/${i}`,
          delayMs: 1_000 + random.integer(1e9),
        })),
      )
    }
    expect(crew.clock.pending).toBe(1)
    await crew.insert({ id: 'first', delayMs: 7 })
    expect(crew.clock.pending).toBe(1)
    await crew.clock.advance(7)
    expect(await heard()).toEqual(['t'])
    await stop()
    expect(crew.clock.pending).toBe(0)
  })
})

describe('retention', () => {
  const keeps = (completed: NonNullable<NewJob['retention']>['completed']) => ({
    retention: { completed: completed! },
  })

  test('by count keeps the newest of the type, whatever ages they keep for', async () => {
    const crew = new Crew()
    await crew.join('w')
    for (const [i, ageMs] of [9_000, 1_000, 9_000, 1_000, 9_000].entries()) {
      await crew.run({ id: `job-${i}`, ...keeps({ count: 3, ageMs }) })
      await crew.clock.advance(1)
    }
    expect(await crew.ids()).toEqual(['job-2', 'job-3', 'job-4'])
  })

  test('by age prunes each job at its own time, a long-lived one in front of it notwithstanding', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.run(
      { id: 'long', ...keeps({ ageMs: 5_000 }) },
      { id: 'short', ...keeps({ ageMs: 100 }) },
      { id: 'ever', ...keeps({}) },
    )
    await crew.clock.advance(99)
    expect((await crew.store.sweep({})).pruned).toBe(0)
    await crew.clock.advance(1)
    expect((await crew.store.sweep({})).pruned).toBe(1)
    expect(await crew.ids()).toEqual(['ever', 'long'])
    await crew.clock.advance(4_900)
    await crew.store.sweep({})
    expect(await crew.ids()).toEqual(['ever'])
  })

  test('a job that was taken out of its history is counted there no longer', async () => {
    const crew = new Crew()
    await crew.join('w')
    const retention = { cancelled: { count: 2 } }
    await crew.insert({ id: 'a', retention }, { id: 'b', retention }, { id: 'c', retention })
    await crew.store.change(['a', 'b'], { kind: 'cancel' })
    expect(await crew.store.change(['a'], { kind: 'retry' })).toEqual(['ok'])
    await crew.store.change(['c'], { kind: 'cancel' })
    expect(await crew.ids()).toEqual(['a', 'b', 'c'])
    await crew.store.change(['b'], { kind: 'discard' })
    await crew.store.change(['a'], { kind: 'cancel' })
    expect(await crew.ids()).toEqual(['a', 'c'])
  })

  test('an id is remembered from its end on, exactly as long as it says, and then free', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.run({ id: 'a', rememberMs: 700, ...keeps({ count: 0 }) })
    await crew.clock.advance(699)
    expect(await crew.insert('a')).toEqual(['exists'])
    await crew.clock.advance(1)
    expect(await crew.insert('a')).toEqual(['inserted'])
    // the old memory ends without touching the new job
    await crew.clock.advance(10_000)
    await crew.store.sweep({})
    expect((await crew.store.get(['a']))[0]?.state).toBe('pending')
  })

  test('remembered ids are bounded', async () => {
    const crew = new Crew({ maxRememberedIds: 10 })
    await crew.join('w')
    await crew.run(...Array.from({ length: 30 }, (_, i) => ({ id: `job-${i}`, ...keeps({ count: 0 }) })))
    const answers = await crew.insert(...Array.from({ length: 30 }, (_, i) => `job-${i}`))
    expect(answers.filter((answer) => answer === 'exists').length).toBe(10)
    expect(answers[29]).toBe('exists')
  })
})

describe('workers', () => {
  test('a dead worker’s jobs keep their place, over several bounded rounds', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert('a', 'b', 'c', 'd')
    await crew.claim(3)
    await crew.clock.advance(LEASE_MS)
    expect(await crew.store.sweep({ limit: 2 })).toMatchObject({ dead: ['w'], recovered: 2, more: true })
    expect(await crew.store.sweep({ limit: 2 })).toMatchObject({ dead: [], recovered: 1, more: false })
    await crew.join('w2')
    expect(await crew.claimIds(10, ['t'], 'w2')).toEqual(['a', 'b', 'c', 'd'])
  })

  test('a dead worker’s settle before its job was taken back is accepted', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert('a', 'b')
    const claimed = await crew.claim()
    await crew.clock.advance(LEASE_MS)
    await crew.store.sweep({ limit: 1 })
    expect((await crew.complete(...claimed)).toSorted()).toEqual(['ok', 'stale'])
  })

  test('the record of a dead worker stays for an hour', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.clock.advance(LEASE_MS)
    await crew.store.sweep({})
    expect(await crew.store.workers()).toMatchObject([{ id: 'w', dead: true, running: 0 }])
    await crew.clock.advance(3_600_000)
    await crew.store.sweep({})
    expect(await crew.store.workers()).toEqual([])
    expect(await crew.store.heartbeat({ id: 'w', leaseMs: LEASE_MS }, [])).toMatchObject({ alive: false })
  })

  test('a heartbeat that names a job twice still releases what it does not name', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert('a', 'b')
    const [a] = await crew.claim()
    await crew.store.heartbeat({ id: 'w', leaseMs: LEASE_MS, claimGraceMs: 0 }, [a!, a!])
    expect((await crew.store.get(['a', 'b'])).map((job) => job!.state)).toEqual(['running', 'pending'])
  })

  test('a token of another life of the process, or no token at all, is stale', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.run('a')
    const settle = async (token: string) =>
      (await crew.store.settle([{ id: 'a', token, kind: 'complete' }])).settled
    expect([await settle('1@gone'), await settle(''), await settle('1@w')]).toEqual([
      ['stale'],
      ['stale'],
      ['ok'],
    ])
  })
})

describe('settling', () => {
  test('a result that cannot be stored rejects before anything changes', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert('a', 'b')
    const [a, b] = await crew.claim()
    const outcomes = [
      { id: 'a', token: a!.token, kind: 'complete' as const, result: 1 },
      { id: 'b', token: b!.token, kind: 'complete' as const, result: { n: 1n } },
    ]
    await expect(crew.store.settle(outcomes)).rejects.toMatchObject({
      code: 'VALUE_UNSERIALIZABLE',
      path: 'outcomes[1].result.n',
    })
    expect((await crew.store.get(['a', 'b'])).map((job) => job!.state)).toEqual(['running', 'running'])
  })

  test('an error with a lone surrogate in its text is stored well-formed', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert('a')
    const [a] = await crew.claim()
    const error = { name: 'E', message: 'half \ud83d', stack: 'at \udc00' }
    await crew.store.settle([{ id: 'a', token: a!.token, kind: 'fail', error, reason: 'error' }])
    expect((await crew.store.get(['a']))[0]!.error).toEqual({
      name: 'E',
      message: 'half \ufffd',
      stack: 'at \ufffd',
    })
  })

  test('refuses an unknown outcome, an id named twice, a bad delay and a transaction', async () => {
    const crew = new Crew()
    const settle = (...outcomes: unknown[]) => crew.store.settle(outcomes as never)
    const invalid = { code: 'INVALID_ARGUMENT' }
    await expect(settle({ id: 'a', token: 'x', kind: 'done' })).rejects.toMatchObject(invalid)
    await expect(
      settle({ id: 'a', token: 'x', kind: 'release' }, { id: 'a', token: 'x', kind: 'cancel' }),
    ).rejects.toMatchObject(invalid)
    await expect(settle({ id: 'a', token: 'x', kind: 'snooze', delayMs: -1 })).rejects.toMatchObject(invalid)
    await expect(crew.store.insert([], { transaction: {} })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await expect(crew.store.sweep({ limit: 0 })).rejects.toMatchObject(invalid)
    await expect(crew.store.list({ state: 'done' as never })).rejects.toMatchObject(invalid)
    await expect(crew.store.list({ after: 'x' })).rejects.toMatchObject(invalid)
    await expect(crew.store.change(['a'], { kind: 'reschedule' })).rejects.toMatchObject(invalid)
  })

  test('a reason asked for while the job ran is the reason it is cancelled for', async () => {
    const crew = new Crew()
    await crew.join('w')
    await crew.insert('a', 'b')
    const [a, b] = await crew.claim()
    await crew.store.change(['a', 'b'], { kind: 'cancel', reason: 'by hand' })
    await crew.store.settle([
      { id: 'a', token: a!.token, kind: 'release' },
      { id: 'b', token: b!.token, kind: 'complete' },
    ])
    const [first, second] = await crew.store.get(['a', 'b'])
    expect([first!.state, first!.reason, second!.state, second!.reason]).toEqual([
      'cancelled',
      'by hand',
      'completed',
      null,
    ])
  })
})

describe('listing', () => {
  test('walks an entity or a schedule by pages, in any state, also after a burst left its slots', async () => {
    const crew = new Crew()
    await crew.join('w')
    const ids = Array.from({ length: 20_000 }, (_, i) => `burst-${i}`)
    await crew.insert(...ids.map((id) => ({ id, retention: { completed: { count: 0 } } })))
    for (let jobs = await crew.claim(1_000); jobs.length > 0; jobs = await crew.claim(1_000))
      await crew.complete(...jobs)
    expect(await crew.ids()).toEqual([])
    const due = Array.from({ length: 50 }, (_, i) => i)
    await crew.insert(
      ...due.map((i) => ({ id: `e-${i}`, entityId: i % 2 === 0 ? 'even' : 'odd' })),
      ...due.map((i) => ({ id: `s-${i}`, entityId: 'even', occurrence: { schedule: 'daily', due: i } })),
    )
    await crew.store.change(['e-0', 's-49'], { kind: 'discard' })
    await crew.store.change(['e-2'], { kind: 'cancel' })
    const walk = async (query: object) => {
      const walked: string[] = []
      for (let after: string | null | undefined; after !== null; ) {
        const page = await crew.store.list({ ...query, limit: 7, ...(after === undefined ? {} : { after }) })
        walked.push(...page.jobs.map(({ id }) => id))
        after = page.after
      }
      return walked.sort()
    }
    const even = due.filter((i) => i % 2 === 0 && i > 0).map((i) => `e-${i}`)
    const daily = due.slice(0, 49).map((i) => `s-${i}`)
    expect(await walk({ entityId: 'even' })).toEqual([...even, ...daily].sort())
    expect(await walk({ schedule: 'daily' })).toEqual([...daily].sort())
    expect(await walk({ entityId: 'even', state: 'cancelled' })).toEqual(['e-2'])
    expect(await walk({ entityId: 'odd', schedule: 'daily' })).toEqual([])
    expect((await walk({})).length).toBe(98)
  })

  test('a page that ends with the last match says that it was the last', async () => {
    const crew = new Crew()
    await crew.insert('a', 'b', 'c')
    expect((await crew.store.list({ limit: 3 })).after).toBeNull()
    expect((await crew.store.list({ limit: 2 })).after).not.toBeNull()
  })
})

test.each<[Partial<NewJob>, string]>([
  [{ id: '' }, 'id must not be empty'],
  [{ priority: 21 }, 'priority must be an integer from -20 to 20'],
  [{ priority: 1.5 }, 'priority'],
  [{ delayMs: -1 }, 'delayMs'],
  [{ delayMs: 1, runAt: 1 }, 'delayMs or runAt'],
  [{ runAt: Number.NaN }, 'runAt'],
  [{ expiresInMs: -1 }, 'expiresInMs'],
  [{ rememberMs: -1 }, 'rememberMs'],
  [{ maxRetries: -1 }, 'maxRetries'],
  [{ maxCrashes: 0.5 }, 'maxCrashes'],
  [{ delivery: 'exactly-once' as never }, 'delivery must be at-least-once or at-most-once'],
  [{ retention: { failed: { count: -1 } } }, 'retention.failed.count'],
  [{ retention: { completed: { ageMs: Number.NaN } } }, 'retention.completed.ageMs'],
  [{ occurrence: { schedule: '', due: 1 } }, 'occurrence.schedule'],
  [{ payload: () => 1 }, 'payload: a function cannot be stored'],
  [{ options: { n: Number.NaN } }, 'options.n'],
])('a job with %j gets an error of its own', async (wrong, message) => {
  const crew = new Crew()
  const [first, second, third] = await crew.insert('before', { id: 'x', ...wrong }, 'after')
  expect([first, third]).toEqual(['inserted', 'inserted'])
  expect(second).toBeInstanceOf(Error)
  expect((second as Error).message).toContain(message)
  expect(await crew.ids()).toEqual(['after', 'before'])
})
