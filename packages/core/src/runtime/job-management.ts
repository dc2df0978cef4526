import type { JobRecord, JobState } from '../contracts/job-record.ts'
import type { JobChange, JobPage, JobQuery, JobStore, WorkerRecord } from '../contracts/job-store.ts'
import { InvalidArgumentError, JobNotFoundError, JobStateError } from '../errors/sched-error.ts'
import { type Metrics, toMetrics } from '../telemetry/metrics.ts'
import type { Clock } from '../values/clock.ts'
import { checkName, MAX_NAME_BYTES } from '../values/codec.ts'
import { parseDuration } from '../values/duration.ts'
import { readInstant } from './enqueue-options.ts'

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

/** Looks at jobs and changes them, wherever in the cluster they are. */
export class JobManagement {
  readonly #store: JobStore
  readonly #clock: Clock

  constructor(store: JobStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async get(id: string): Promise<JobRecord | null> {
    checkName(id, 'the job id', MAX_NAME_BYTES)
    return (await this.#store.get([id]))[0] ?? null
  }

  list(query: JobQuery): Promise<JobPage> {
    return this.#store.list(query)
  }

  async metrics(): Promise<Metrics> {
    return toMetrics(await this.#store.counts())
  }

  async count({ type, state }: CountQuery): Promise<number> {
    const { types, ...all } = await this.metrics()
    const counted = type === undefined ? all : types[type]
    if (!counted) return 0
    const states: readonly JobState[] =
      state === undefined ? ['pending', 'running', 'completed', 'failed', 'cancelled'] : [state].flat()
    return states.reduce((sum, one) => sum + counted[one], 0)
  }

  /** Throws JOB_NOT_FOUND, JOB_STATE. */
  async change(id: string, change: JobChange): Promise<void> {
    checkName(id, 'the job id', MAX_NAME_BYTES)
    const [answer] = await this.#store.change([id], change)
    if (answer === 'missing') throw new JobNotFoundError(id)
    if (answer === 'refused') throw await this.#refusal(id, change.kind)
  }

  async reschedule(id: string, { delay, runAt }: RescheduleOptions): Promise<void> {
    if ((delay === undefined) === (runAt === undefined))
      throw new InvalidArgumentError('rescheduleJob takes one of delay and runAt')
    const due =
      delay === undefined
        ? { runAt: readInstant(runAt!, 'runAt') }
        : { delayMs: parseDuration(delay, 'delay') }
    await this.change(id, { kind: 'reschedule', ...due })
  }

  async pause(type: string, paused: boolean): Promise<void> {
    await this.#store.pause(type, paused)
  }

  workers(): Promise<readonly WorkerRecord[]> {
    return this.#store.workers()
  }

  /** Resolves to true once nothing is pending or running, false after the timeout. Delayed jobs count as pending. */
  async drain({ type, timeout }: DrainOptions): Promise<boolean> {
    const until =
      this.#clock.monotonic() +
      (timeout === undefined ? Number.POSITIVE_INFINITY : parseDuration(timeout, 'timeout'))
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(LONGEST_LOOK_MS, wait * 2)) {
      const left = await this.count({ state: ['pending', 'running'], ...(type !== undefined && { type }) })
      if (left === 0) return true
      const rest = until - this.#clock.monotonic()
      if (rest <= 0) return false
      await new Promise<void>((resolve) => this.#clock.after(Math.min(wait, rest), resolve))
    }
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
