/**
 * Runs attempts: as many at once as there are slots, in slices after which the event loop gets its turn. An attempt goes
 * queued → running → over, and is over exactly once: when its handler ends, when a limit gives it up, or when a stop cuts it short.
 * What a handler does after that is ignored.
 */
import type { Outcome } from '../contracts/job-store.ts'
import { JobCancelledError, JobExpiredError, type ShuttingDownError } from '../errors/sched-error.ts'
import type { AttemptEnd } from '../policies/decide.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Clock } from '../values/clock.ts'
import type { Attempt } from './attempt.ts'
import { armLimits, type GiveUp, hasLimits } from './attempt-limits.ts'
import { abortedEnd, completion, outcomeOf, postponement, skip } from './attempt-outcome.ts'
import { type CallEnds, HandlerCalls, type HandlerCallsParts } from './handler-calls.ts'
import type { Settler } from './settler.ts'
import { WaitingLine } from './waiting-line.ts'

/** How long starting may go on before the event loop gets a turn, in milliseconds. */
const SLICE_MS = 8
/** How long a handler may take to end, once it was cancelled or its lease is lost, before its slot is given to another. */
const GRACE_MS = 5_000

export interface ExecutorParts extends HandlerCallsParts {
  readonly clock: Clock
  readonly settler: Settler
  readonly logger: Logger
  readonly maxConcurrentJobs: number
  /** Epoch milliseconds of the storage server. */
  readonly serverNow: () => number
  readonly random: () => number
  /** Something ended, or can be started: the loop has work. */
  readonly onProgress: () => void
}

export class Executor implements CallEnds {
  readonly #parts: ExecutorParts
  readonly #running: Attempt[] = []
  readonly #waiting: WaitingLine = new WaitingLine()
  readonly #calls: HandlerCalls
  readonly #onLimit: GiveUp
  #pumping = false
  #sliceEnd = 0
  /** Attempts ended since the start, for the rate. */
  ended = 0
  /** When an attempt last started or ended: monotonic milliseconds. */
  lastMove = 0
  /** Since when something runs, and how long something did before. */
  #busySince = 0
  #busyMs = 0

  constructor(parts: ExecutorParts) {
    this.#parts = parts
    this.#calls = new HandlerCalls(parts, this)
    this.#onLimit = (attempt, kind, error) => this.#giveUp(attempt, kind, error)
  }

  get running(): number {
    return this.#running.length
  }

  get queued(): number {
    return this.#waiting.length
  }

  /** Milliseconds until now in which at least one attempt ran. */
  get busyMs(): number {
    return this.running === 0 ? this.#busyMs : this.#busyMs + this.#parts.clock.monotonic() - this.#busySince
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
    for (const attempt of this.#running) if (!attempt.lost) into.push(attempt)
    this.#waiting.collect(into)
  }

  runningAttempts(): Attempt[] {
    return [...this.#running]
  }

  /** Cancelled from outside: its handler is told, and has a while to end by itself. */
  cancel(attempt: Attempt): void {
    if (attempt.state === 'queued' && this.#waiting.remove(attempt))
      this.#hand(attempt, outcomeOf(attempt, { kind: 'cancelled' }, this.#parts.random))
    if (attempt.state !== 'running' || attempt.aborted !== undefined) return
    attempt.abort('cancelled', new JobCancelledError(attempt.job.id))
    attempt.grace = this.#parts.clock.after(GRACE_MS, () => this.#end(attempt, { kind: 'cancelled' }))
  }

  /** Its lease is lost: what it does from now on counts for nothing. A handler that does not end by itself keeps its slot for a while. */
  lose(attempt: Attempt, error: Error): void {
    const { clock, events } = this.#parts
    if (attempt.lost || attempt.state === 'over') return
    attempt.lost = true
    if (attempt.state === 'queued') {
      this.#waiting.remove(attempt)
      attempt.state = 'over'
    } else {
      attempt.abort('lost', error)
      attempt.grace ??= clock.after(GRACE_MS, () => this.#letGo(attempt))
    }
    if (events.has('lost')) events.emit('lost', { job: attempt.view() })
  }

  /** Tells every running handler that the scheduler stops. */
  abortAll(error: ShuttingDownError): void {
    for (const attempt of this.runningAttempts()) if (!attempt.lost) attempt.abort('stopping', error)
  }

  /** Ends what still runs as interrupted; lost ones are let go. */
  interruptAll(error: ShuttingDownError): void {
    for (const attempt of this.runningAttempts())
      this.#end(attempt, abortedEnd(attempt) ?? { kind: 'interrupted', error })
  }

  /** A sign of life restarts the stall limit. */
  signOfLife(attempt: Attempt): void {
    attempt.lastSign = this.#parts.clock.monotonic()
  }

  succeeded(attempt: Attempt, result: unknown): void {
    if (attempt.state !== 'running') return
    this.#close(attempt)
    this.#hand(attempt, completion(attempt, result, this.#parts.logger))
  }

  failed(attempt: Attempt, error: unknown): void {
    this.#end(attempt, abortedEnd(attempt) ?? { kind: 'failed', error, reason: 'error' })
  }

  refused(attempt: Attempt, error: unknown): void {
    this.#end(attempt, abortedEnd(attempt) ?? { kind: 'refused', error })
  }

  skipped(attempt: Attempt, reason: string): void {
    this.#close(attempt)
    this.#hand(attempt, skip(attempt, reason))
  }

  putOff(attempt: Attempt): void {
    if (attempt.state !== 'running') return
    const end = abortedEnd(attempt)
    this.#close(attempt)
    this.#hand(attempt, end ? outcomeOf(attempt, end, this.#parts.random) : postponement(attempt))
  }

  #start(attempt: Attempt, now: number): void {
    const { job } = attempt
    const { clock, serverNow, random } = this.#parts
    this.lastMove = now
    attempt.startedAt = now
    if (job.expiresAt !== null && serverNow() >= job.expiresAt) {
      this.#hand(attempt, outcomeOf(attempt, { kind: 'expired', error: new JobExpiredError(job.id) }, random))
      return
    }
    attempt.state = 'running'
    if (this.#running.length === 0) this.#busySince = now
    attempt.index = this.#running.push(attempt) - 1
    if (hasLimits(attempt)) armLimits(attempt, clock, this.#onLimit)
    this.#calls.start(attempt)
  }

  /** A limit ran out. While its schedule is asked, that is no fault of the job; once it was aborted, what aborted it decides. */
  #giveUp(attempt: Attempt, kind: 'timeout' | 'stalled', error: Error): void {
    if (attempt.state !== 'running') return
    if (attempt.asking) {
      this.putOff(attempt)
      return
    }
    attempt.abort(kind, error)
    this.#end(attempt, abortedEnd(attempt) ?? { kind: 'failed', error, reason: kind })
  }

  #end(attempt: Attempt, end: AttemptEnd): void {
    if (attempt.state !== 'running') return
    this.#close(attempt)
    this.#hand(attempt, outcomeOf(attempt, end, this.#parts.random))
  }

  /** Nobody waits for it any more, and there is nothing to tell the store. */
  #letGo(attempt: Attempt): void {
    if (attempt.state !== 'running') return
    this.#close(attempt)
    attempt.state = 'over'
    const { id: jobId, type } = attempt.job
    this.#parts.logger.warn(
      'the handler of an attempt whose lease is lost does not end; its slot is given to another: let it listen to ctx.signal',
      { jobId, type },
    )
    this.#moved()
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
    if (this.#running.length === 0) this.#busyMs += now - this.#busySince
    this.lastMove = now
    this.ended++
  }

  #hand(attempt: Attempt, outcome: Outcome): void {
    const { settler, events } = this.#parts
    attempt.state = 'over'
    if (!attempt.lost) settler.add(attempt, outcome)
    else if (attempt.ran && events.has('stale'))
      events.emit('stale', { job: attempt.view(), outcome: outcome.kind })
    this.#moved()
  }

  #moved(): void {
    this.pump()
    this.#parts.onProgress()
  }
}
