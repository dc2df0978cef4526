import { expect, test } from 'vitest'
import { UnavailableError, ValueTooLargeError, ValueUnserializableError } from '../errors/sched-error.ts'
import { Attempt } from './attempt.ts'
import { LEASE_MS, setupLoop } from './consumer.test-support.ts'
import { defineJob } from './job-definition.ts'
import { claimedJob } from './scripted-job-store.support.ts'

test('an idle loop claims once, sleeps exactly until something is due, and polls only as a fall-back', async () => {
  const { clock, store, consumer } = setupLoop()
  let nextDueInMs: number | null = 1_234
  store.settle = async () => ({ nextDueInMs })
  consumer.open()
  await clock.advance(1_233)
  expect(store.calls).toHaveLength(1)
  nextDueInMs = null
  await clock.advance(1)
  await clock.settle()
  expect(store.calls).toHaveLength(2)
  await clock.advance(4_999)
  expect(store.calls).toHaveLength(2)
  await clock.advance(2)
  await clock.settle()
  expect(store.calls).toHaveLength(3)
  consumer.wake()
  await clock.settle()
  expect(store.calls).toHaveLength(4)
  expect(store.calls.every(({ want }) => want?.limit === 3)).toBe(true)
})

test('the end of attempts and the next claim share one call; only one call is under way', async () => {
  const { clock, store, consumer } = setupLoop()
  let under = 0
  let most = 0
  let left = 40
  store.settle = async ({ want }) => {
    most = Math.max(most, ++under)
    await new Promise((resolve) => setImmediate(resolve))
    under--
    const jobs = Array.from({ length: Math.min(left, want?.limit ?? 0) }, (_, i) =>
      claimedJob(`j${left - i}`),
    )
    left -= jobs.length
    return { jobs }
  }
  consumer.open()
  await clock.settle(200)
  expect(most).toBe(1)
  expect(left).toBe(0)
  const ended = store.calls.flatMap(({ outcomes }) => outcomes)
  expect(ended.map(({ kind }) => kind)).toEqual(Array(40).fill('complete'))
  expect(new Set(ended.map(({ id }) => id)).size).toBe(40)
  expect(store.calls.length).toBeLessThan(40)
})

test('a store that says more but gives nothing is not asked in a tight loop', async () => {
  const { clock, store, consumer } = setupLoop()
  store.settle = async () => ({ nextDueInMs: 0 })
  consumer.open()
  await clock.advance(1_000)
  expect(store.calls.length).toBeGreaterThan(10)
  expect(store.calls.length).toBeLessThan(40)
})

test('outcomes of a store that is away are sent again first, once it is back, with longer and longer pauses', async () => {
  const { clock, store, consumer, settler, errors } = setupLoop({ max: 2 })
  let away = false
  let jobs = [claimedJob('a'), claimedJob('b')]
  store.settle = async () => {
    if (away) throw new UnavailableError('no', { ambiguous: true })
    away = jobs.length > 0
    return { jobs: jobs.splice(0) }
  }
  jobs = [...jobs]
  consumer.open()
  await clock.advance(3_000)
  expect(errors.length).toBeGreaterThan(3)
  expect(errors.length).toBeLessThan(10)
  expect(settler.waiting).toBe(2)
  away = false
  await clock.advance(5_000)
  expect(settler.isEmpty).toBe(true)
  const accepted = store.calls.filter(({ outcomes }) => outcomes.length > 0).at(-1)
  expect(accepted?.outcomes.map(({ id }) => id)).toEqual(['a', 'b'])
})

test('one outcome that the store refuses does not keep the others, and its job fails for that', async () => {
  const { clock, store, consumer, settler } = setupLoop({ max: 8 })
  const accepted: string[] = []
  let jobs = 'abcdefgh'.split('').map((id) => claimedJob(id))
  store.settle = async ({ outcomes }) => {
    if (outcomes.some(({ id, kind }) => id === 'c' && kind === 'complete'))
      throw new ValueUnserializableError('result', 'no')
    for (const { id, kind } of outcomes) accepted.push(`${id} ${kind}`)
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  consumer.open()
  await clock.advance(20_000)
  expect(accepted.sort()).toEqual(
    ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((id) => `${id} ${id === 'c' ? 'fail' : 'complete'}`),
  )
  expect(settler.isEmpty).toBe(true)
})

test('a result that the store cannot keep is left out: the work was done', async () => {
  const { clock, store, consumer, settler, errors } = setupLoop({ handle: (id) => `result of ${id}` })
  const accepted: unknown[] = []
  let jobs = [claimedJob('a'), claimedJob('b')]
  store.settle = async ({ outcomes }) => {
    if (outcomes.some((outcome) => outcome.id === 'b' && 'result' in outcome))
      throw new ValueTooLargeError('the record', 10, 8)
    accepted.push(...outcomes.map(({ id, kind, ...rest }) => [id, kind, 'result' in rest && rest.result]))
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  consumer.open()
  await clock.advance(20_000)
  expect(accepted).toEqual([
    ['a', 'complete', 'result of a'],
    ['b', 'complete', false],
  ])
  expect(errors.at(-1)).toMatchObject({ code: 'VALUE_TOO_LARGE' })
  expect(settler.isEmpty).toBe(true)
})

test('a job whose every outcome is refused stays held, so that it is not run again, and is named when the worker leaves', async () => {
  const { clock, store, consumer, settler, errors, renewer } = setupLoop()
  const errorsSent: unknown[] = []
  await renewer.start()
  let jobs = [claimedJob('c')]
  store.settle = async ({ outcomes }) => {
    for (const outcome of outcomes) errorsSent.push('error' in outcome ? outcome.error.name : outcome.kind)
    if (outcomes.length > 0) throw new ValueUnserializableError('error', 'no')
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  consumer.open()
  await clock.advance(20_000)
  expect(settler.isEmpty).toBe(true)
  expect(errorsSent).toEqual(['complete', 'ValueUnserializableError', 'SchedError'])
  expect(errors).toHaveLength(3)
  await clock.advance(30_000)
  expect(store.heartbeats.at(-1)).toEqual({ phase: 'active', held: ['c'] })
  consumer.close()
  await renewer.stop()
  expect(store.heartbeats.at(-1)).toEqual({ phase: 'leave', held: ['c'] })
})

test('a leaving worker names what was started and not settled, and nothing else', async () => {
  const { clock, store, consumer, renewer } = setupLoop({
    max: 2,
    handle: (id) => (id === 'ended' ? undefined : new Promise(() => {})),
  })
  let jobs = [claimedJob('runs'), claimedJob('ended'), claimedJob('also'), claimedJob('waits')]
  store.settle = async ({ outcomes }) => {
    if (outcomes.length > 0) throw new UnavailableError('away')
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  await renewer.start()
  consumer.open()
  await clock.settle()
  await renewer.ask()
  expect(store.heartbeats.at(-1)?.held.slice().sort()).toEqual(['also', 'ended', 'runs', 'waits'])
  consumer.closeClaims()
  await renewer.stop()
  expect(store.heartbeats.at(-1)?.held.slice().sort()).toEqual(['also', 'ended', 'runs'])
})

test('outcomes of lost attempts are not sent, unless they may have reached the store', async () => {
  const stale: string[] = []
  const { clock, store, consumer, renewer, events, settler, registry, lease } = setupLoop()
  events.on('stale', ({ job, outcome }) => stale.push(`${job.id} ${outcome}`))
  let jobs = [claimedJob('sent')]
  let away = true
  store.settle = async ({ outcomes }) => {
    if (outcomes.length > 0 && away) throw new UnavailableError('no answer', { ambiguous: true })
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  await renewer.start()
  consumer.open()
  await clock.settle()
  const unsent = new Attempt(claimedJob('unsent'), registry.get('job'), lease.id)
  unsent.ran = true
  unsent.state = 'over'
  settler.add(unsent, { id: 'unsent', token: 'token-unsent', kind: 'complete' })
  store.heartbeat = async (held) => ({ lost: held })
  await renewer.ask()
  away = false
  await clock.advance(10_000)
  const ids = store.calls.flatMap(({ outcomes }) => outcomes).map(({ id }) => id)
  expect(stale).toEqual(['unsent complete'])
  expect(new Set(ids)).toEqual(new Set(['sent']))
  expect(settler.isEmpty).toBe(true)
})

test('a lost attempt whose handler does not end keeps its slot for five seconds, and is told lost once', async () => {
  const lost: string[] = []
  const { clock, store, consumer, renewer, events, executor, settler } = setupLoop({
    handle: () => new Promise(() => {}),
  })
  events.on('lost', ({ job }) => lost.push(job.id))
  let jobs = [claimedJob('a')]
  store.settle = async () => {
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  await renewer.start()
  consumer.open()
  await clock.settle()
  const [attempt] = executor.runningAttempts()
  executor.cancel(attempt!)
  store.heartbeat = async () => ({ lost: ['a'] })
  await renewer.ask()
  await renewer.ask()
  expect([lost, executor.running]).toEqual([['a'], 1])
  await clock.advance(4_999)
  expect(executor.running).toBe(1)
  await clock.advance(1)
  expect([executor.running, settler.isEmpty]).toEqual([0, true])
})

test('types with a limit share the slots that are free, take turns, and are never claimed ahead', async () => {
  const ends: (() => void)[] = []
  const { clock, store, consumer, registry } = setupLoop({
    max: 2,
    handle: (id) => (id.startsWith('long') ? new Promise<void>((resolve) => ends.push(resolve)) : undefined),
  })
  for (const type of ['x', 'y', 'z']) registry.add(defineJob({ type, concurrency: 5, handle() {} }))
  const asked: Record<string, number> = { x: 0, y: 0, z: 0 }
  let most = 0
  let claims = 0
  let given = 0
  store.settle = async ({ want }) => {
    await new Promise<void>((resolve) => clock.after(2, resolve))
    if (!want) return {}
    claims++
    const limited = want.types.filter(({ maxActive }) => maxActive !== undefined)
    for (const { type } of limited) asked[type]!++
    most = Math.max(
      most,
      limited.reduce((sum, { limit }) => sum + (limit ?? 99), 0),
    )
    const jobs = Array.from({ length: want.limit }, () => claimedJob(given === 0 ? 'long' : `j${given++}`))
    given = Math.max(1, given)
    return { jobs: jobs.slice(0, given === 1 ? 1 : undefined), nextDueInMs: 0 }
  }
  consumer.open()
  await clock.advance(4_000)
  expect(most).toBeLessThanOrEqual(2)
  // a steady load of others does not starve them
  expect(Math.min(...Object.values(asked))).toBeGreaterThanOrEqual(2)
  expect(Math.max(...Object.values(asked)) - Math.min(...Object.values(asked))).toBeLessThanOrEqual(1)
  expect(claims).toBeGreaterThan(100)
  for (const end of ends) end()
})

test('an answer past the deadline is not run: what it brought goes back', async () => {
  const ran: string[] = []
  const { clock, store, consumer } = setupLoop({ handle: (id) => ran.push(id) })
  let first = true
  store.settle = async () => {
    if (!first) return {}
    first = false
    await new Promise<void>((resolve) => clock.after(10_001, resolve))
    return { jobs: [claimedJob('late')] }
  }
  consumer.open()
  await clock.advance(10_100)
  expect(ran).toEqual([])
  expect(store.calls.flatMap(({ outcomes }) => outcomes)).toEqual([
    { id: 'late', token: 'token-late', kind: 'release' },
  ])
})

test('what was claimed ahead and finds no slot goes back after half a second', async () => {
  const { clock, store, consumer, executor } = setupLoop({ max: 1, handle: () => new Promise(() => {}) })
  let jobs = [claimedJob('a'), claimedJob('b')]
  store.settle = async () => {
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  consumer.open()
  await clock.advance(499)
  expect([executor.running, executor.queued]).toEqual([1, 1])
  await clock.advance(2)
  await clock.settle()
  expect(store.calls.flatMap(({ outcomes }) => outcomes)).toMatchObject([{ id: 'b', kind: 'release' }])
})

test('quick jobs are claimed ahead, bounded; a type with a limit never is', async () => {
  for (const concurrency of [undefined, 5]) {
    const { clock, store, consumer } = setupLoop({
      max: 5,
      ...(concurrency !== undefined && { concurrency }),
    })
    let made = 0
    store.settle = async ({ want }) => {
      await new Promise<void>((resolve) => clock.after(2, resolve))
      const most = Math.min(want?.limit ?? 0, want?.types[0]?.limit ?? Number.POSITIVE_INFINITY)
      return {
        jobs: Array.from({ length: made < 5_000 ? most : 0 }, () => claimedJob(`j${made++}`)),
        nextDueInMs: 0,
      }
    }
    consumer.open()
    await clock.advance(400)
    const limits = store.calls.map(({ want }) => want?.limit ?? 0)
    const ofType = store.calls.map(({ want }) => want?.types[0]?.limit ?? Number.POSITIVE_INFINITY)
    if (concurrency === undefined) expect(Math.max(...limits)).toBeGreaterThan(5)
    else expect(Math.max(...ofType)).toBeLessThanOrEqual(5)
    expect(Math.max(...limits)).toBeLessThanOrEqual(1_000)
    consumer.close()
  }
})

test('a heartbeat names what is held, ends what is lost, and ignores what was settled since it was sent', async () => {
  const ends = new Map<string, () => void>()
  const lost: string[] = []
  const { clock, store, consumer, renewer, events, executor } = setupLoop({
    handle: (id) => new Promise<void>((resolve) => ends.set(id, resolve)),
  })
  events.on('lost', ({ job }) => lost.push(job.id))
  let jobs = [claimedJob('a'), claimedJob('b'), claimedJob('c')]
  store.settle = async () => {
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  await renewer.start()
  consumer.open()
  await clock.settle()
  let reply: () => void = () => {}
  store.heartbeat = () =>
    new Promise((resolve) => {
      reply = () => resolve({ lost: ['a', 'b', 'nobody'] })
    })
  await clock.advance(15_000)
  expect(store.heartbeats.at(-1)).toEqual({ phase: 'active', held: ['a', 'b', 'c'] })
  ends.get('a')?.()
  await clock.settle()
  reply()
  await clock.settle()
  expect(lost).toEqual(['b'])
  expect(executor.running).toBe(2)
  ends.get('b')?.()
  await clock.settle()
  const settled = store.calls.flatMap(({ outcomes }) => outcomes).map(({ id }) => id)
  expect(settled).toEqual(['a'])
  store.heartbeat = async () => ({})
  await clock.advance(15_000)
  expect(store.heartbeats.at(-1)?.held).toEqual(['c'])
})

test('handlers that keep the event loop busy are started in slices, all of them', async () => {
  let started = 0
  const { clock, store, consumer } = setupLoop({
    max: 20,
    handle: () => {
      started++
      clock.busyMs += 5
      return new Promise(() => {})
    },
  })
  let jobs = Array.from({ length: 20 }, (_, i) => claimedJob(`j${i}`))
  store.settle = async () => {
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  const perTurn: number[] = []
  consumer.open()
  for (let turn = 0; turn < 15; turn++) {
    const before = started
    await new Promise((resolve) => setImmediate(resolve))
    perTurn.push(started - before)
  }
  expect(started).toBe(20)
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(4)
})

test('past the worker’s own lease nothing is started or claimed, and both go on with the next answered heartbeat', async () => {
  const ends: (() => void)[] = []
  const started: string[] = []
  const { clock, store, consumer, lease } = setupLoop({
    max: 1,
    handle: (id) => {
      started.push(id)
      return new Promise<void>((resolve) => ends.push(resolve))
    },
  })
  let jobs = [claimedJob('a'), claimedJob('b')]
  store.settle = async () => {
    const given = jobs
    jobs = []
    return { jobs: given }
  }
  consumer.open()
  await clock.settle()
  lease.end()
  ends[0]?.()
  await clock.settle()
  expect(started).toEqual(['a'])
  expect(store.calls.slice(1).every(({ want }) => want === undefined)).toBe(true)
  lease.renewed(clock.monotonic(), LEASE_MS)
  consumer.turn()
  await clock.settle()
  expect(started).toEqual(['a', 'b'])
})
