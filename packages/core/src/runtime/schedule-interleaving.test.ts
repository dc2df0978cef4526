/** The properties of schedules under random interleavings of workers, leaders, users, crashes and lost leases, each run given by its seed. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextRun } from '../schedules/next-run.ts'
import type { ScheduleRunner } from './schedule-runner.ts'
import { ScheduleWorld } from './schedule-world.test-support.ts'

const NAME = 'tick'
const EVERY = { scheduleType: 'cron', scheduleValue: '* * * * * *' } as const
const EVEN = { scheduleType: 'cron', scheduleValue: '*/2 * * * * *' } as const
const SECONDS = 6
const RUNS = Number(process.env.SCHEDULE_RUNS ?? 150)

interface Exploration {
  readonly seed: number
  readonly faults: number
  /** What users may do, each once, in any order. */
  readonly changes: readonly ((runner: ScheduleRunner) => Promise<unknown>)[]
  /** How far the users' clocks are behind. */
  readonly behindMs?: number
  /** Another form of the jobs excuses a lost instant too: a worker that comes back after its lease ended may have marked it. */
  readonly lenient?: boolean
}

/** One run to the end; throws at the first broken property. Resolves to what happened. */
async function explore({
  seed,
  faults,
  changes,
  behindMs = 0,
  lenient,
}: Exploration): Promise<ScheduleWorld> {
  const random = generator(seed)
  const pick = (count: number) => Math.floor(random() * count)
  const world = new ScheduleWorld()
  await world.finish(world.runner('setup').put(NAME, 'report', 0, EVERY))
  const end = world.now + SECONDS * 1000
  const must = new Set<number>()
  const ahead = [...changes]
  const failures: unknown[] = []
  const busy = new Map<string, string>()
  let actors = 0
  let left = faults
  let seen = ''

  const start = (who: string, work: Promise<unknown>) => {
    work.catch((error) => failures.push(error)).finally(() => busy.delete(who))
  }
  const observe = () => {
    const schedule = world.peek(NAME)
    const form = `${schedule?.createdAt} ${schedule?.scheduleValue} ${schedule?.state} ${lenient ? schedule?.version : ''}`
    // another timing, or none, releases the schedule from what it has not run yet
    if (form !== seen) for (const due of must) if (!world.ran.some((one) => one.due === due)) must.delete(due)
    seen = form
  }
  const tick = () => {
    world.now += 1000
    const schedule = world.peek(NAME)
    if (schedule?.state === 'active' && nextRun(schedule, schedule.anchor, world.now - 1) === world.now)
      must.add(world.now)
  }
  const claim = (id: string) => {
    const who = `worker ${++actors}`
    busy.set(who, id)
    start(who, world.work(id, who))
  }
  const sweep = () => {
    const who = `leader ${++actors}`
    start(who, world.runner(who).sweep())
  }

  for (let quiet = 0; quiet < 3; ) {
    const due = world.jobs.due()
    const running = world.jobs.ids('running')
    const over = world.jobs.ids('completed', 'cancelled')
    const actions: (() => unknown)[] = []
    const offer = (weight: number, possible: unknown, action: () => unknown) => {
      for (let i = 0; possible && i < weight; i++) actions.push(action)
    }
    offer(12, world.turns.waiting > 0, () => world.turns.step(pick))
    offer(3, due.length > 0, () => claim(due[pick(due.length)]!))
    offer(2, world.now < end, tick)
    offer(1, world.now < end, sweep)
    offer(1, left > 0 && running.length > 0, () => {
      left--
      world.jobs.endLease(running[pick(running.length)]!)
    })
    offer(1, left > 0 && busy.size > 0, () => {
      left--
      const [who, id] = [...busy][pick(busy.size)]!
      world.turns.kill(who)
      busy.delete(who)
      if (running.includes(id)) world.jobs.endLease(id)
    })
    offer(1, left > 0 && over.length > 0, () => {
      left--
      world.jobs.forget(over[pick(over.length)]!)
    })
    offer(2, ahead.length > 0, () => {
      const [change] = ahead.splice(pick(ahead.length), 1)
      const who = `user ${++actors}`
      start(who, change!(world.runner(who, { skewMs: -behindMs })))
    })
    if (actions.length === 0) {
      quiet++
      // who died between the end of a lease and the next claim: its job waits; what nobody has inserted, the leader finds
      for (const id of running) world.jobs.endLease(id)
      sweep()
    } else await actions[pick(actions.length)]!()
    observe()
    const jobs = new Map<number, string>()
    for (const one of world.ran) {
      if ((jobs.get(one.due) ?? one.job) !== one.job) throw new Error(`instant ${one.due} ran as two jobs`)
      jobs.set(one.due, one.job)
    }
  }
  expect(failures).toEqual([])
  for (const due of must) {
    if (!world.ran.some((one) => one.due === due)) throw new Error(`instant ${due} is lost`)
  }
  const schedule = world.peek(NAME)
  if (schedule?.state === 'active') {
    const open = world.jobs
      .ids('pending')
      .filter((id) => id.includes(`:${schedule.version}:${schedule.next}:`))
    expect(open).toHaveLength(1)
    expect(schedule.next).toBeGreaterThan(world.now)
  }
  return world
}

/** Numbers in [0, 1) from a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const disable = (runner: ScheduleRunner) => runner.disable(NAME)
const enable = (runner: ScheduleRunner) => runner.enable(NAME)
const put =
  (payload: number, form: typeof EVERY | typeof EVEN, jobOptions = {}, type = 'report') =>
  (runner: ScheduleRunner) =>
    runner.put(NAME, type, payload, { ...form, jobOptions })

const OTHER_OPTIONS = [put(1, EVERY), put(2, EVERY, { priority: 1 }), put(3, EVERY)]
const OTHER_TYPE = [put(0, EVERY, {}, 'other'), put(0, EVERY)]

describe('a schedule under every interleaving', () => {
  it.each<[string, Omit<Exploration, 'seed'>]>([
    ['left alone', { faults: 0, changes: [] }],
    ['with crashes and lost leases', { faults: 4, changes: [] }],
    ['disabled and enabled', { faults: 2, changes: [disable, enable, disable, enable] }],
    [
      'disabled and enabled by users whose clocks are behind',
      { faults: 2, behindMs: 300, changes: [disable, enable, disable, enable] },
    ],
    ['given other payloads and job options', { faults: 0, changes: OTHER_OPTIONS }],
    [
      'given other payloads and job options, with crashes and lost leases',
      { faults: 4, changes: OTHER_OPTIONS, lenient: true },
    ],
    ['given another job type and back', { faults: 0, behindMs: 300, changes: OTHER_TYPE }],
    [
      'given another job type and back, with crashes and lost leases',
      { faults: 4, behindMs: 300, changes: OTHER_TYPE, lenient: true },
    ],
    [
      'given another timing and back',
      { faults: 2, behindMs: 300, changes: [put(0, EVEN), put(0, EVERY), put(1, EVEN)] },
    ],
    ['put by many at once', { faults: 2, changes: Array.from({ length: 5 }, () => put(0, EVERY)) }],
    [
      'removed and made again',
      { faults: 2, changes: [(runner) => runner.remove(NAME), put(0, EVERY), put(0, EVEN)], lenient: true },
    ],
  ])('%s: each instant runs as one job at most, and none is lost', async (_, exploration) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        await explore({ ...exploration, seed })
      }),
      { numRuns: RUNS },
    )
  })
})
