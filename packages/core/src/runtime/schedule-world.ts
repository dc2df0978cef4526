/**
 * A world for tests of schedules: storage, jobs, workers and users on one thread, where every remote call waits for its turn and a seed
 * decides whose turn it is. What can happen between two calls on a real server (a crash, a lease that ends, a user's change) can happen
 * between two calls here.
 */
import type { JobRecord } from '../contracts/job-record.ts'
import type { ClaimedJob, JobStore, NewJob } from '../contracts/job-store.ts'
import type { ScheduleRecord } from '../contracts/schedule-store.ts'
import { MapStorage } from '../store/map-storage.ts'
import { StorageScheduleStore } from '../store/schedule-store.ts'
import { EmptyLogger } from '../telemetry/logger.ts'
import { STARTED } from './occurrence.ts'
import { ScheduleRunner } from './schedule-runner.ts'

interface SimulatedJob {
  readonly job: NewJob
  readonly createdAt: number
  state: 'pending' | 'running' | 'completed' | 'cancelled'
  reason: string | null
  /** Grows at every claim and every end of a lease: only its holder may finish. */
  token: number
  attempt: number
}

type Jobs = Pick<JobStore, 'insert' | 'get' | 'change'>

/** Jobs without a queue: who wants one due takes it. */
export class SimulatedJobs {
  readonly all: Map<string, SimulatedJob> = new Map()
  readonly #now: () => number
  #created = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** The port as one caller sees it, each call after `turn`. */
  port(turn: () => Promise<void>): Jobs {
    return {
      insert: async (jobs) => {
        await turn()
        return jobs.map((job) => this.#insert(job))
      },
      get: async (ids) => {
        await turn()
        return ids.map((id) => this.#record(id))
      },
      change: async (ids) => {
        await turn()
        return ids.map((id) =>
          this.all.get(id)?.state === 'pending' && this.end(id, 'cancelled') ? 'ok' : 'refused',
        )
      },
    }
  }

  due(): string[] {
    return [...this.all]
      .filter(([, one]) => one.state === 'pending' && this.#dueAt(one) <= this.#now())
      .map(([id]) => id)
  }

  ids(...states: readonly SimulatedJob['state'][]): string[] {
    return [...this.all].filter(([, one]) => states.includes(one.state)).map(([id]) => id)
  }

  claim(id: string): ClaimedJob {
    const one = this.all.get(id)!
    one.state = 'running'
    one.token++
    one.attempt++
    return {
      id,
      type: one.job.type,
      payload: one.job.payload,
      attempt: one.attempt,
      failures: 0,
      crashes: 0,
      fence: one.token,
      token: String(one.token),
      priority: one.job.priority,
      dueAt: this.#dueAt(one),
      createdAt: one.createdAt,
      expiresAt: null,
      maxRetries: 0,
      delivery: 'at-least-once',
      entityId: null,
      occurrence: one.job.occurrence ?? null,
      options: null,
    }
  }

  holds(claimed: ClaimedJob): boolean {
    const one = this.all.get(claimed.id)
    return (
      one?.createdAt === claimed.createdAt && one.state === 'running' && String(one.token) === claimed.token
    )
  }

  /** The lease is gone: the job waits again, and what its holder still does with its token is refused. */
  endLease(id: string): void {
    const one = this.all.get(id)!
    one.state = 'pending'
    one.token++
  }

  end(id: string, state: 'completed' | 'cancelled', reason: string | null = null): boolean {
    Object.assign(this.all.get(id)!, { state, reason })
    return true
  }

  forget(id: string): void {
    this.all.delete(id)
  }

  #insert(job: NewJob): 'inserted' | 'exists' {
    if (this.all.has(job.id)) return 'exists'
    // one more at every insert, so that a job revived under a forgotten id differs from the one before
    const createdAt = this.#now() + ++this.#created / 1_000
    this.all.set(job.id, { job, createdAt, state: 'pending', reason: null, token: 0, attempt: 0 })
    return 'inserted'
  }

  #dueAt(one: SimulatedJob): number {
    return one.job.runAt ?? one.createdAt
  }

  #record(id: string): JobRecord | null {
    const one = this.all.get(id)
    return one ? ({ id, state: one.state, reason: one.reason } as JobRecord) : null
  }
}

/** Whoever waits here goes on when `step` picks it. */
export class Turns {
  readonly #waiting: { who: string; go: () => void }[] = []

  of(who: string): () => Promise<void> {
    return () => new Promise((resolve) => this.#waiting.push({ who, go: resolve }))
  }

  get waiting(): number {
    return this.#waiting.length
  }

  async step(pick: (count: number) => number): Promise<void> {
    const [one] = this.#waiting.splice(pick(this.#waiting.length), 1)
    one?.go()
    await settled()
  }

  /** Its calls are never answered. */
  kill(who: string): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (this.#waiting[i]!.who === who) this.#waiting.splice(i, 1)
    }
  }
}

/** After every promise that can settle without another turn has settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export interface Ran {
  readonly due: number
  /** Which job: two of the same id, one forgotten and one revived, differ. */
  readonly job: string
  readonly payload: unknown
}

export class ScheduleWorld {
  now = 1_000_000
  readonly turns: Turns = new Turns()
  readonly jobs: SimulatedJobs = new SimulatedJobs(() => this.now)
  readonly ran: Ran[] = []
  readonly skipped: { due: number; reason: string }[] = []
  readonly #storages = new Map<string, Map<string, unknown>>()
  #workers = 0

  /** A runner of its own for `who`; `skewMs`: how far its estimate of the server's clock is off. */
  runner(who: string, skewMs = 0, turn: () => Promise<void> = this.turns.of(who)): ScheduleRunner {
    const storage = new MapStorage(turn, this.#storages)
    const now = () => this.now + skewMs
    return new ScheduleRunner({
      store: new StorageScheduleStore(storage, { now }),
      storage,
      jobs: this.jobs.port(turn),
      now,
      logger: new EmptyLogger(),
      staleAgeMs: 3_600_000,
      makeJob: (type, payload, _options, plan) => ({ ...plan, type, payload, priority: 0 }),
    })
  }

  /** The record as the server holds it. */
  peek(name: string): ScheduleRecord | undefined {
    return this.#storages.get('schedule')?.get(name) as ScheduleRecord | undefined
  }

  marks(): number {
    return this.#storages.get(STARTED)?.size ?? 0
  }

  /** A worker takes one job through its attempt. Resolves when it is done, never when it is killed. */
  async work(id: string, who: string = `worker ${++this.#workers}`): Promise<void> {
    const turn = this.turns.of(who)
    const runner = this.runner(who)
    const claimed = this.jobs.claim(id)
    const begun = await runner.begin(claimed)
    await turn()
    if (!this.jobs.holds(claimed)) return
    const due = claimed.occurrence!.due
    if (!begun.run) {
      this.skipped.push({ due, reason: begun.reason })
      this.jobs.end(id, 'cancelled', begun.reason)
      return
    }
    this.ran.push({ due, job: `${id} of ${claimed.createdAt}`, payload: begun.payload })
    await turn()
    if (!this.jobs.holds(claimed)) return
    this.jobs.end(id, 'completed')
    await runner.ended(claimed, true)
  }

  /** Everybody goes on in order, until nobody waits. */
  async finish<T>(work: Promise<T>): Promise<T> {
    let over = false
    const done = work.finally(() => {
      over = true
    })
    // awaited below; until then a rejection has its handler
    done.catch(() => undefined)
    await settled()
    while (!over) await this.turns.step(() => 0)
    return done
  }
}
