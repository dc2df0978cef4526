/**
 * Runs attempts: as many at once as there are slots, in slices after which the event loop gets its turn. An attempt goes
 * queued → running → over, and is over exactly once: when its handler ends, when a limit gives it up, or when a stop cuts it short.
 * What a handler does after that is ignored.
 */
import type { Outcome } from '../contracts/job-store.ts'
import { JobCancelledError, JobExpiredError, type ShuttingDownError } from '../errors/sched-error.ts'
import { type AttemptEnd, decide } from '../policies/decide.ts'
import type { Events } from '../telemetry/events.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Clock } from '../values/clock.ts'
import { copyValue } from '../values/codec.ts'
import { type Attempt, AttemptContext, type ContextHost } from './attempt.ts'
import { armLimits, type GiveUp, hasLimits } from './attempt-limits.ts'
import type { OccurrenceGate } from './occurrence-gate.ts'
import { attemptOptions } from './registry.ts'
import type { Settler } from './settler.ts'
import { WaitingLine } from './waiting-line.ts'
import type { WorkerLease } from './worker-lease.ts'

/** How long starting may go on before the event loop gets a turn, in milliseconds. */
const SLICE_MS = 8
/** How long a cancelled handler may take to end before its slot is given to another. */
const CANCEL_GRACE_MS = 5_000
/** When an occurrence comes again whose schedule could not be read. */
const PUT_OFF_MS = 1_000

export interface ExecutorParts {
  readonly clock: Clock
  readonly lease: WorkerLease
  readonly settler: Settler
  readonly events: Events
  readonly logger: Logger
  readonly host: ContextHost
  readonly maxConcurrentJobs: number
  /** Epoch milliseconds of the storage server. */
  readonly serverNow: () => number
  readonly random: () => number
  /** Whether a schedule still wants its occurrence. */
  readonly gate: () => OccurrenceGate | undefined
  /** Something ended, or can be started: the loop has work. */
  readonly onProgress: () => void
}

/** Holds the two callbacks of one handler's promise; made once a slot, not once a job. */
class Slot {
  attempt: Attempt | undefined = undefined
  readonly fulfilled: (result: unknown) => void
  readonly rejected: (error: unknown) => void

  constructor(executor: Executor) {
    this.fulfilled = (result) => executor.handlerEnded(this, true, result)
    this.rejected = (error) => executor.handlerEnded(this, false, error)
  }
}

export class Executor {
  readonly #parts: ExecutorParts
  readonly #running: Attempt[] = []
  readonly #waiting: WaitingLine = new WaitingLine()
  readonly #free: Slot[] = []
  readonly #onLimit: GiveUp
  #pumping = false
  #sliceEnd = 0
  /** Attempts ended since the start, for the rate. */
  ended = 0
  /** When an attempt last started or ended: monotonic milliseconds. */
  lastMove = 0

  constructor(parts: ExecutorParts) {
    this.#parts = parts
    this.#onLimit = (attempt, kind, error) => {
      if (attempt.state !== 'running') return
      attempt.abort(kind, error)
      this.#end(attempt, { kind: 'failed', error, reason: kind })
    }
  }

  get running(): number {
    return this.#running.length
  }

  get queued(): number {
    return this.#waiting.length
  }

  /** Whether one of a limited type waits for a slot: then no more of them are claimed. */
  get holdsLimited(): boolean {
    return this.#waiting.startsLimited
  }

  /** Claimed attempts, to be started when there are slots. */
  enqueue(attempts: readonly Attempt[]): void {
    if (this.queued === 0) this.lastMove = this.#parts.clock.monotonic()
    this.#waiting.push(attempts)
  }

  /** Takes back what was claimed and not started. */
  dequeueAll(): Attempt[] {
    return this.#waiting.takeAll()
  }

  /** A new turn of the event loop: starting may go on for a slice. */
  turn(): void {
    this.#sliceEnd = this.#parts.clock.monotonic() + SLICE_MS
    this.pump()
  }

  /** Starts what waits, while there are slots, time in this slice, and a lease. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      this.#startWaiting()
    } finally {
      this.#pumping = false
    }
  }

  #startWaiting(): void {
    const { clock, lease, maxConcurrentJobs } = this.#parts
    while (this.#waiting.length > 0 && this.#running.length < maxConcurrentJobs) {
      const now = clock.monotonic()
      if (now >= lease.until) return
      if (now >= this.#sliceEnd) {
        // others get their turn, then it goes on
        this.#parts.onProgress()
        return
      }
      this.#start(this.#waiting.shift()!, now)
    }
  }

  /** The attempts that the store holds for this worker and that are not over. */
  collect(into: Attempt[]): void {
    for (const attempt of this.#running) if (attempt.aborted !== 'lost') into.push(attempt)
    this.#waiting.collect(into)
  }

  runningAttempts(): Attempt[] {
    return [...this.#running]
  }

  /** Cancelled from outside: its handler is told, and has a while to end by itself. */
  cancel(attempt: Attempt): void {
    if (attempt.state === 'queued' && this.#waiting.remove(attempt))
      this.#give(attempt, { kind: 'cancelled' })
    if (attempt.state !== 'running' || attempt.aborted !== undefined) return
    attempt.abort('cancelled', new JobCancelledError(attempt.job.id))
    attempt.grace = this.#parts.clock.after(CANCEL_GRACE_MS, () => this.#end(attempt, { kind: 'cancelled' }))
  }

  /** Its lease is lost: what it does from now on counts for nothing. */
  lose(attempt: Attempt, error: Error): void {
    if (attempt.state === 'queued') {
      this.#waiting.remove(attempt)
      attempt.state = 'over'
    } else if (attempt.state === 'running') attempt.abort('lost', error)
    else return
    if (this.#parts.events.has('lost')) this.#parts.events.emit('lost', { job: attempt.view() })
  }

  /** Tells every running handler that the scheduler stops. */
  abortAll(error: ShuttingDownError): void {
    for (const attempt of this.runningAttempts())
      if (attempt.aborted !== 'lost') attempt.abort('stopping', error)
  }

  /** Ends what still runs as interrupted; lost ones are let go. */
  interruptAll(error: ShuttingDownError): void {
    for (const attempt of this.runningAttempts()) this.#end(attempt, { kind: 'interrupted', error })
  }

  /** A sign of life restarts the stall limit. */
  signOfLife(attempt: Attempt): void {
    attempt.lastSign = this.#parts.clock.monotonic()
  }

  /** A handler's promise settled; its slot is free for another, whether or not the attempt still waited for it. */
  handlerEnded(slot: Slot, fulfilled: boolean, value: unknown): void {
    const attempt = slot.attempt!
    slot.attempt = undefined
    this.#free.push(slot)
    if (fulfilled) this.#succeeded(attempt, value)
    else this.#failed(attempt, value)
  }

  #start(attempt: Attempt, now: number): void {
    const { job } = attempt
    this.lastMove = now
    attempt.startedAt = now
    if (job.expiresAt !== null && this.#parts.serverNow() >= job.expiresAt) {
      this.#give(attempt, { kind: 'expired', error: new JobExpiredError(job.id) })
      return
    }
    attempt.state = 'running'
    attempt.index = this.#running.push(attempt) - 1
    if (job.occurrence !== null) void this.#startOccurrence(attempt)
    else this.#parse(attempt, job.payload)
  }

  async #startOccurrence(attempt: Attempt): Promise<void> {
    const gate = this.#parts.gate()
    try {
      const answer = gate
        ? await gate.begin(attempt.job)
        : { run: true as const, payload: attempt.job.payload }
      if (attempt.state !== 'running') return
      if (!this.#mayStart(attempt)) this.#putOff(attempt)
      else if (answer.run) this.#parse(attempt, answer.payload)
      else this.#skip(attempt, answer.reason)
    } catch (error) {
      this.#parts.events.emit('error', { error, during: `the schedule of job ${attempt.job.id}` })
      this.#putOff(attempt)
    }
  }

  /** After a wait: meanwhile it may have been aborted, or this worker may have stood still past its lease. */
  #mayStart(attempt: Attempt): boolean {
    return attempt.state === 'running' && attempt.aborted === undefined && this.#parts.lease.isLive
  }

  #parse(attempt: Attempt, payload: unknown): void {
    const { schema } = attempt.definition
    if (schema === undefined) {
      this.#run(attempt, payload === null ? undefined : payload)
      return
    }
    let data: unknown
    try {
      data = schema.parse(payload)
    } catch (error) {
      this.#end(attempt, { kind: 'refused', error })
      return
    }
    if (!(data instanceof Promise)) this.#run(attempt, data)
    else
      data.then(
        (parsed) => (this.#mayStart(attempt) ? this.#run(attempt, parsed) : this.#putOff(attempt)),
        (error: unknown) => this.#end(attempt, { kind: 'refused', error }),
      )
  }

  #run(attempt: Attempt, data: unknown): void {
    const { definition } = attempt
    if (hasLimits(attempt)) armLimits(attempt, this.#parts.clock, this.#onLimit)
    const { events } = this.#parts
    if (events.has('started')) events.emit('started', { job: attempt.view() })
    attempt.ran = true
    let result: unknown
    try {
      result = definition.handle!(data, new AttemptContext(attempt, this.#parts.host))
    } catch (error) {
      this.#failed(attempt, error)
      return
    }
    if (result instanceof Promise) this.#await(attempt, result)
    else if (isThenable(result)) this.#await(attempt, Promise.resolve(result))
    else this.#succeeded(attempt, result)
  }

  #await(attempt: Attempt, promise: Promise<unknown>): void {
    const slot = this.#free.pop() ?? new Slot(this)
    slot.attempt = attempt
    promise.then(slot.fulfilled, slot.rejected)
  }

  #succeeded(attempt: Attempt, value: unknown): void {
    if (attempt.state !== 'running') return
    this.#close(attempt)
    const { id, token } = attempt.job
    const { durationMs } = attempt
    const result = value === undefined ? undefined : this.#storable(attempt, value)
    const outcome: Outcome =
      result === undefined
        ? { id, token, kind: 'complete', durationMs }
        : { id, token, kind: 'complete', durationMs, result }
    this.#hand(attempt, outcome)
  }

  /** A result that cannot be stored must not undo work that was done. */
  #storable(attempt: Attempt, value: unknown): unknown {
    try {
      return copyValue(value, { root: 'result' })
    } catch (error) {
      this.#parts.logger.warn(
        `job ${attempt.job.id} (${attempt.job.type}) completed, but its result cannot be kept: return JSON and Dates, or nothing`,
        { error },
      )
      return undefined
    }
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (attempt.state !== 'running') return
    if (attempt.aborted === 'cancelled') this.#end(attempt, { kind: 'cancelled' })
    else if (attempt.aborted === 'stopping')
      this.#end(attempt, { kind: 'interrupted', error: attempt.abortError })
    else this.#end(attempt, { kind: 'failed', error, reason: 'error' })
  }

  /** Its handler was not called: it comes again, a little later, and this does not count as an attempt. */
  #putOff(attempt: Attempt): void {
    if (attempt.state !== 'running') return
    this.#close(attempt)
    this.#hand(attempt, { id: attempt.job.id, token: attempt.job.token, kind: 'snooze', delayMs: PUT_OFF_MS })
  }

  #skip(attempt: Attempt, reason: string): void {
    this.#close(attempt)
    this.#hand(attempt, { id: attempt.job.id, token: attempt.job.token, kind: 'cancel', reason })
  }

  #end(attempt: Attempt, end: AttemptEnd): void {
    if (attempt.state !== 'running') return
    this.#close(attempt)
    this.#give(attempt, end)
  }

  /** Frees the slot. */
  #close(attempt: Attempt): void {
    const now = this.#parts.clock.monotonic()
    attempt.durationMs = now - attempt.startedAt
    attempt.clearTimers()
    const last = this.#running.pop()!
    if (last !== attempt) {
      this.#running[attempt.index] = last
      last.index = attempt.index
    }
    this.lastMove = now
    this.ended++
  }

  #give(attempt: Attempt, end: AttemptEnd): void {
    if ('error' in end) attempt.error = end.error
    const backoff = attemptOptions(attempt.job.options).backoff ?? attempt.definition.backoff
    this.#hand(attempt, decide(end, attempt.job, backoff, this.#parts.random))
  }

  #hand(attempt: Attempt, outcome: Outcome): void {
    const { settler, events, onProgress } = this.#parts
    attempt.state = 'over'
    if (attempt.aborted !== 'lost') settler.add(attempt, outcome)
    else if (events.has('stale')) events.emit('stale', { job: attempt.view(), outcome: outcome.kind })
    this.pump()
    onProgress()
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}
