import type { ClaimedJob } from '../contracts/job-store.ts'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import type { Job } from '../telemetry/events.ts'
import type { LogLevel } from '../telemetry/logger.ts'
import type { Timer } from '../values/clock.ts'
import { show } from '../values/show.ts'
import type { JobContext } from './job-context.ts'
import type { RegisteredJob } from './registry.ts'

export type AttemptState = 'queued' | 'running' | 'over'

/** Why the runtime ended an attempt before its handler did. */
export type AbortKind = 'timeout' | 'stalled' | 'cancelled' | 'lost' | 'stopping'

/** One claim of one job, from the answer that brought it to the settle that ends it. Its fields change only in executor and renewer. */
export class Attempt {
  readonly job: ClaimedJob
  readonly definition: RegisteredJob
  /** The id of the worker that claimed it. */
  readonly worker: string
  state: AttemptState = 'queued'
  /** Its place among the running ones. */
  index = -1
  /** Its handler was called. */
  ran = false
  /** Its schedule is being asked whether it wants it. */
  asking = false
  /** The store no longer holds it for this worker: it gets no outcome. */
  lost = false
  /** Monotonic milliseconds. */
  startedAt = 0
  durationMs = 0
  aborted: AbortKind | undefined = undefined
  abortError: Error | undefined = undefined
  /** What the handler failed with, for the hooks. */
  error: unknown = undefined
  /** Its outcome was sent, and what became of that is unknown. */
  outcomeSent = false
  /** How many outcomes of it the store refused: it gets another one. */
  outcomesRefused = 0
  /** Made when the handler asks for its signal. */
  controller: AbortController | undefined = undefined
  timeout: Timer | undefined = undefined
  stall: Timer | undefined = undefined
  grace: Timer | undefined = undefined
  lastSign = 0

  constructor(job: ClaimedJob, definition: RegisteredJob, worker: string) {
    this.job = job
    this.definition = definition
    this.worker = worker
  }

  /** As hooks and events show it. */
  view(): Job {
    const { id, type, payload, attempt, failures, maxRetries, fence, priority, createdAt, dueAt } = this.job
    const { expiresAt, entityId, occurrence } = this.job
    return {
      id,
      type,
      payload,
      attempt,
      failures,
      maxRetries,
      fence,
      priority,
      createdAt,
      dueAt,
      expiresAt,
      entityId,
      occurrence,
      worker: this.worker,
    }
  }

  abort(kind: AbortKind, error: Error): void {
    if (this.aborted === undefined) {
      this.aborted = kind
      this.abortError = error
    }
    this.controller?.abort(error)
  }

  clearTimers(): void {
    this.timeout?.cancel()
    this.stall?.cancel()
    this.grace?.cancel()
  }
}

/** What a context asks of the runtime. */
export interface ContextHost {
  readonly isShuttingDown: boolean
  log(attempt: Attempt, level: LogLevel, message: string, metadata?: Readonly<Record<string, unknown>>): void
  progress(attempt: Attempt, progress: number): void
  signOfLife(attempt: Attempt): void
  /** Resolves once the worker's lease was renewed. */
  renew(): Promise<void>
}

/** What the handler sees of its attempt. */
export class AttemptContext implements JobContext {
  readonly #attempt: Attempt
  readonly #host: ContextHost

  constructor(attempt: Attempt, host: ContextHost) {
    this.#attempt = attempt
    this.#host = host
  }

  get jobId(): string {
    return this.#attempt.job.id
  }

  get attempt(): number {
    return this.#attempt.job.attempt
  }

  get fence(): number {
    return this.#attempt.job.fence
  }

  get dueAt(): number {
    return this.#attempt.job.occurrence?.due ?? this.#attempt.job.dueAt
  }

  get payload(): unknown {
    return this.#attempt.job.payload
  }

  get isShuttingDown(): boolean {
    return this.#host.isShuttingDown
  }

  get signal(): AbortSignal {
    const attempt = this.#attempt
    if (!attempt.controller) {
      attempt.controller = new AbortController()
      if (attempt.abortError) attempt.controller.abort(attempt.abortError)
    }
    return attempt.controller.signal
  }

  // getters that bind: `const { log } = ctx` works, and an attempt that calls none of them pays for none
  get log(): JobContext['log'] {
    return (level, message, metadata) => {
      this.#host.log(this.#attempt, level, message, metadata)
      return Promise.resolve()
    }
  }

  get touch(): JobContext['touch'] {
    return () => withListener(this.#touch())
  }

  get updateProgress(): JobContext['updateProgress'] {
    return (progress) => withListener(this.#updateProgress(progress))
  }

  async #touch(): Promise<void> {
    this.#throwIfOver()
    this.#host.signOfLife(this.#attempt)
    await this.#host.renew()
    this.#throwIfOver()
  }

  async #updateProgress(progress: number): Promise<void> {
    if (typeof progress !== 'number' || !(progress >= 0 && progress <= 100))
      throw new InvalidArgumentError(`updateProgress takes a number from 0 to 100, not ${show(progress)}`)
    this.#throwIfOver()
    this.#host.signOfLife(this.#attempt)
    this.#host.progress(this.#attempt, progress)
  }

  #throwIfOver(): void {
    if (this.#attempt.abortError) throw this.#attempt.abortError
  }
}

/**
 * Whoever awaits the promise hears of its rejection. Whoever does not (`setInterval(() => ctx.touch(), 1_000)`) must not lose the whole
 * process, and every other job in it, because one job was cancelled.
 */
function withListener(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined)
  return promise
}
