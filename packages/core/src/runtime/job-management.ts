import { JOB_STATES, type JobRecord, type JobState } from '../contracts/job-record.ts'
import type { JobChange, JobPage, JobQuery, JobStore, WorkerRecord } from '../contracts/job-store.ts'
import {
  InvalidArgumentError,
  JobDefinitionNotFoundError,
  JobNotFoundError,
  JobStateError,
} from '../errors/sched-error.ts'
import { checkChange, checkedQuery } from '../store/job-arguments.ts'
import { type Metrics, toMetrics } from '../telemetry/metrics.ts'
import type { Clock } from '../values/clock.ts'
import { checkName, MAX_NAME_BYTES } from '../values/codec.ts'
import { parseDuration } from '../values/duration.ts'
import { checkOptions } from '../values/known-options.ts'
import { show } from '../values/show.ts'
import { readDelay, readInstant } from './enqueue-options.ts'

export interface CountQuery {
  readonly type?: string
  readonly state?: JobState | readonly JobState[]
}

export interface RescheduleOptions {
  /** Due so long from now; at most one of both. */
  readonly delay?: number | string
  /** Due then: a Date or epoch milliseconds. */
  readonly runAt?: Date | number
}

export interface DrainOptions {
  /** Default: every type. */
  readonly type?: string
  /** Give up after this; default: never. */
  readonly timeout?: number | string
}

const FIRST_LOOK_MS = 5
const LONGEST_LOOK_MS = 250

const LIST_OPTIONS: ReadonlySet<string> = new Set([
  'type',
  'state',
  'entityId',
  'schedule',
  'limit',
  'after',
] satisfies (keyof JobQuery)[])
const COUNT_OPTIONS: ReadonlySet<string> = new Set(['type', 'state'] satisfies (keyof CountQuery)[])
const RESCHEDULE_OPTIONS: ReadonlySet<string> = new Set([
  'delay',
  'runAt',
] satisfies (keyof RescheduleOptions)[])
const DRAIN_OPTIONS: ReadonlySet<string> = new Set(['type', 'timeout'] satisfies (keyof DrainOptions)[])

export interface JobManagementParts {
  readonly store: JobStore
  readonly clock: Clock
  /** Whether this scheduler has a definition of the type. */
  readonly isRegistered: (type: string) => boolean
  /** How many jobs of the type, or of all, wait as the next occurrence of a schedule and are not due yet. */
  readonly toCome: (type: string | undefined) => Promise<number>
}

/** Looks at jobs and changes them, wherever in the cluster they are. */
export class JobManagement {
  readonly #store: JobStore
  readonly #clock: Clock
  readonly #isRegistered: (type: string) => boolean
  readonly #toCome: (type: string | undefined) => Promise<number>

  constructor({ store, clock, isRegistered, toCome }: JobManagementParts) {
    this.#store = store
    this.#clock = clock
    this.#isRegistered = isRegistered
    this.#toCome = toCome
  }

  async get(id: string): Promise<JobRecord | null> {
    checkName(id, 'the job id', MAX_NAME_BYTES)
    return (await this.#store.get([id]))[0] ?? null
  }

  async list(query: JobQuery): Promise<JobPage> {
    checkOptions(query, LIST_OPTIONS, 'listJobs')
    checkedQuery(query)
    return this.#store.list(query)
  }

  async metrics(): Promise<Metrics> {
    return toMetrics(await this.#store.counts())
  }

  async count(query: CountQuery): Promise<number> {
    checkOptions(query, COUNT_OPTIONS, 'countJobs')
    const { type, state } = query
    const states: readonly JobState[] = state === undefined ? JOB_STATES : [state].flat()
    const unknown = states.find((one) => !JOB_STATES.includes(one))
    if (unknown !== undefined)
      throw new InvalidArgumentError(
        `countJobs: state must be one or several of ${JOB_STATES.join(', ')}, not ${show(unknown)}`,
      )
    const { types, ...all } = await this.metrics()
    const counted = type === undefined ? all : types[type]
    if (!counted) return 0
    return states.reduce((sum, one) => sum + counted[one], 0)
  }

  /** Throws JOB_NOT_FOUND, JOB_STATE. */
  async change(id: string, change: JobChange): Promise<void> {
    checkName(id, 'the job id', MAX_NAME_BYTES)
    checkChange(change)
    const [answer] = await this.#store.change([id], change)
    if (answer === 'missing') throw new JobNotFoundError(id)
    if (answer === 'refused') throw await this.#refusal(id, change.kind)
  }

  async reschedule(id: string, when: RescheduleOptions): Promise<void> {
    checkOptions(when, RESCHEDULE_OPTIONS, 'rescheduleJob')
    const { delay, runAt } = when
    if ((delay === undefined) === (runAt === undefined))
      throw new InvalidArgumentError('rescheduleJob takes one of delay and runAt')
    const due =
      delay === undefined ? { runAt: readInstant(runAt!, 'runAt') } : { delayMs: readDelay(delay, 'delay') }
    await this.change(id, { kind: 'reschedule', ...due })
  }

  async pause(type: string, paused: boolean): Promise<void> {
    await this.#checkType(type)
    await this.#store.pause(type, paused)
  }

  workers(): Promise<readonly WorkerRecord[]> {
    return this.#store.workers()
  }

  /**
   * Resolves to true once nothing is pending or running, false after the timeout. Delayed jobs count as pending; the next occurrences of
   * schedules, which are not due yet, do not: there is always one.
   */
  async drain(options: DrainOptions): Promise<boolean> {
    checkOptions(options, DRAIN_OPTIONS, 'drain')
    const { type, timeout } = options
    if (type !== undefined) await this.#checkType(type)
    const until =
      this.#clock.monotonic() +
      (timeout === undefined ? Number.POSITIVE_INFINITY : parseDuration(timeout, 'timeout'))
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(LONGEST_LOOK_MS, wait * 2)) {
      if (await this.#isDrained(type)) return true
      const rest = until - this.#clock.monotonic()
      if (rest <= 0) return false
      await new Promise<void>((resolve) => this.#clock.after(Math.min(wait, rest), resolve))
    }
  }

  async #isDrained(type: string | undefined): Promise<boolean> {
    const open = await this.#openJobs(type)
    if (open.running > 0) return false
    if (open.pending === 0) return true
    if (open.pending !== (await this.#toCome(type))) return false
    // counted at two moments: one of them may have come due, and made its successor, in between
    const now = await this.#openJobs(type)
    return now.running === 0 && now.pending === open.pending
  }

  async #openJobs(type: string | undefined): Promise<{ readonly pending: number; readonly running: number }> {
    const { types, ...all } = await this.metrics()
    return (type === undefined ? all : types[type]) ?? { pending: 0, running: 0 }
  }

  /** A misspelt type would otherwise be paused, or drained, for nothing. */
  async #checkType(type: string): Promise<void> {
    if (this.#isRegistered(type)) return
    const { types } = await this.#store.counts()
    if (!Object.hasOwn(types, type)) throw new JobDefinitionNotFoundError(type, Object.keys(types))
  }

  async #refusal(id: string, kind: JobChange['kind']): Promise<Error> {
    const job = await this.get(id)
    if (!job) return new JobNotFoundError(id)
    return new JobStateError(`job ${id} is ${job.state}: ${ALLOWED[kind]}`)
  }
}

const ALLOWED: Readonly<Record<JobChange['kind'], string>> = {
  cancel: 'only a pending or running job can be cancelled',
  retry: 'only a failed or cancelled job can be retried',
  promote: 'only a pending job can be promoted',
  reschedule: 'only a pending job can be rescheduled',
  discard: 'a running job cannot be removed; cancel it first',
}
