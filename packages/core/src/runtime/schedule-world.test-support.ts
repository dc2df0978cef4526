/**
 * A world for tests of schedules: storage, jobs, workers and users on one thread, where every remote call waits for its turn and a seed
 * decides whose turn it is. What can happen between two calls on a real server (a crash, a lease that ends, a user's change) can happen
 * between two calls here.
 */
import type { ClaimedJob } from '../contracts/job-store.ts'
import type { ScheduleRecord } from '../contracts/schedule-store.ts'
import { BareMapStorage, MapStorage } from '../store/map-storage.test-support.ts'
import { StorageScheduleStore } from '../store/schedule-store.ts'
import { EmptyLogger, type Logger } from '../telemetry/logger.ts'
import { occurrenceId, STARTED } from './occurrence.ts'
import { ScheduleRunner } from './schedule-runner.ts'
import { SimulatedJobs } from './simulated-jobs.test-support.ts'

/** Whoever waits here goes on when `step` picks it. */
export class Turns {
  readonly #waiting: { who: string; go: () => void }[] = []

  of(who: string): () => Promise<void> {
    return () => new Promise((resolve) => this.#waiting.push({ who, go: resolve }))
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** How many turns were taken. */
  taken = 0

  async step(pick: (count: number) => number): Promise<void> {
    this.taken++
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
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The port, with the name of each call noted. */
export function noted<T extends object>(port: T, calls: string[]): T {
  return intercepted(port, (name, call) => {
    calls.push(name)
    return call()
  })
}

/** The port, with `around` standing around each call. */
export function intercepted<T extends object>(
  port: T,
  around: (name: string, call: () => unknown) => unknown,
): T {
  return new Proxy(port, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      const method = value as (...args: unknown[]) => unknown
      return (...args: unknown[]) => around(String(key), () => method.apply(target, args))
    },
  })
}

export interface Ran {
  readonly due: number
  /** Which job: two of the same id, one forgotten and one revived, differ. */
  readonly job: string
  readonly payload: unknown
}

export interface RunnerOptions {
  /** How far its estimate of the server's clock is off. */
  readonly skewMs?: number
  /** What each of its calls waits for; default: its turn. */
  readonly turn?: () => Promise<void>
  /** Stands between it and its ports. */
  readonly wrap?: <T extends object>(port: T) => T
  readonly logger?: Logger
  /** A storage with the required methods only. */
  readonly bare?: boolean
}

export class ScheduleWorld {
  now = 1_000_000
  readonly turns: Turns = new Turns()
  readonly jobs: SimulatedJobs = new SimulatedJobs(() => this.now)
  readonly ran: Ran[] = []
  readonly skipped: { due: number; reason: string }[] = []
  readonly #storages = new Map<string, Map<string, unknown>>()
  #workers = 0

  /** A runner of its own for `who`. */
  runner(who: string, options: RunnerOptions = {}): ScheduleRunner {
    const {
      skewMs = 0,
      turn = this.turns.of(who),
      wrap = (port) => port,
      logger = new EmptyLogger(),
    } = options
    const Storage = options.bare ? BareMapStorage : MapStorage
    const storage = wrap(new Storage(turn, this.#storages))
    // a server's clock shows microseconds, and no two writes come within one
    const now = () => this.now + skewMs + Math.min(this.turns.taken, 999) / 1000
    return new ScheduleRunner({
      store: new StorageScheduleStore(storage, { now }),
      storage,
      jobs: wrap(this.jobs.port(turn)),
      now,
      logger,
      staleAgeMs: 3_600_000,
      makeJob: (type, payload, jobOptions, plan) => ({
        ...plan,
        type,
        payload,
        priority: 0,
        options: jobOptions,
      }),
    })
  }

  /** A runner whose calls go through at once. */
  direct(options: RunnerOptions = {}): ScheduleRunner {
    return this.runner('direct', { turn: async () => {}, ...options })
  }

  /** Pending jobs: id and when due. */
  pending(): (readonly [id: string, runAt: number | undefined])[] {
    return this.jobs.ids('pending').map((id) => [id, this.jobs.all.get(id)!.job.runAt])
  }

  /** Claims the occurrence that is next, when it is due. */
  claimNext(name: string): ClaimedJob {
    const schedule = this.peek(name)!
    this.now = Math.max(this.now, schedule.next!)
    return this.jobs.claim(occurrenceId(schedule, schedule.next!))
  }

  /** The store, its calls going through at once. */
  store(): StorageScheduleStore {
    return new StorageScheduleStore(new MapStorage(async () => {}, this.#storages), { now: () => this.now })
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
