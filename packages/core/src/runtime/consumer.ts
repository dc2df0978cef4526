/**
 * The loop: one a process. Each turn starts what waits, then makes one call that settles what ended and claims what there is room for;
 * one call is under way at a time, and what ends meanwhile is settled by the next. Idle, it sleeps exactly until something is due, a wake
 * comes, or the fall-back poll: polling is the truth, wakes only make it early.
 */

import type { JobError } from '../contracts/job-record.ts'
import {
  type ClaimRequest,
  type JobStore,
  MAX_BATCH,
  OPERATION_DEADLINE_MS,
  type Settled,
} from '../contracts/job-store.ts'
import { SchedError } from '../errors/sched-error.ts'
import { toJobError } from '../policies/job-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock, Timer } from '../values/clock.ts'
import { Attempt } from './attempt.ts'
import { ClaimAhead } from './claim-ahead.ts'
import { ClaimTypes } from './claim-types.ts'
import type { Executor } from './executor.ts'
import type { Registry } from './registry.ts'
import type { OutcomeBatch, Settler } from './settler.ts'
import type { WorkerLease } from './worker-lease.ts'

/** What was claimed ahead and finds no slot for so long is given back: other workers may have one. */
const HOLD_MS = 500
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 5_000
/** When a store says that there is more but gives nothing, it is asked again after this, doubling. */
const EMPTY_MS = 1
const LONGEST_EMPTY_MS = 50
/** What failed, as `error` events name it. */
const DURING = 'settle and claim'
/** Whatever was wrong with the error that the handler threw, this one can be stored. */
const NOT_STORABLE: JobError = {
  name: 'SchedError',
  message:
    'this attempt ended, and the store took neither its outcome nor the error with which it refused that',
}

export interface ConsumerParts {
  readonly store: JobStore
  readonly clock: Clock
  readonly lease: WorkerLease
  readonly registry: Registry
  readonly executor: Executor
  readonly settler: Settler
  readonly events: Events
  readonly maxConcurrentJobs: number
  readonly leaseMs: number
  readonly pollMs: number
  readonly random: () => number
  /** The store answered for these. */
  readonly onSettled: (batch: OutcomeBatch, settled: Settled['settled']) => void
}

export class Consumer {
  readonly #parts: ConsumerParts
  readonly #ahead: ClaimAhead
  readonly #types: ClaimTypes
  /** Claims may be made. */
  #claiming = false
  #turnPending = false
  #call: Promise<void> | undefined
  /** Something may be claimable. */
  #hungry = true
  #wakes = 0
  /** Monotonic milliseconds: when something is due, when the last claim was sent, until when a failed store is left alone. */
  #dueAt = Number.POSITIVE_INFINITY
  #claimedAt = 0
  #pausedUntil = 0
  #pauseMs = FIRST_PAUSE_MS
  #emptyMs = EMPTY_MS
  /** After a refusal of a whole batch: smaller ones, to find the culprit. */
  #batchSize = MAX_BATCH
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #onDrained: (() => void) | undefined
  #closed = false

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#types = new ClaimTypes(parts.registry)
    this.#ahead = new ClaimAhead(parts.leaseMs, parts.clock.monotonic())
  }

  open(): void {
    this.#claiming = true
    this.#hungry = true
    this.turn()
  }

  /** No claim is sent from now on; what was claimed and not started goes back. Outcomes are still settled. */
  closeClaims(): void {
    this.#claiming = false
    this.#release(this.#parts.executor.dequeueAll())
    this.turn()
  }

  /** Resolves when every outcome is with the store and no call is under way. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve
      this.turn()
    })
  }

  /** Ends: no timer is left. Outcomes that the store did not take are dropped; their jobs come back with the worker's lease. */
  close(): void {
    this.#closed = true
    this.#claiming = false
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  /** A hint that something became claimable. */
  wake(): void {
    this.#wakes++
    this.#hungry = true
    this.turn()
  }

  /** Asks for a turn of the loop, in a turn of the event loop: whatever ends until then shares one call. */
  turn(): void {
    if (this.#turnPending || this.#closed) return
    this.#turnPending = true
    setImmediate(() => {
      this.#turnPending = false
      if (!this.#closed) this.#turn()
    })
  }

  #turn(): void {
    const { executor, settler, clock } = this.#parts
    executor.turn()
    if (this.#call !== undefined) return
    const now = clock.monotonic()
    if (this.#claiming) this.#giveBackHeld(now)
    if (settler.isEmpty && this.#onDrained) {
      this.#onDrained()
      this.#onDrained = undefined
    }
    if (now < this.#pausedUntil) {
      this.#sleepUntil(this.#pausedUntil)
      return
    }
    const want = this.#want(now)
    if (want === undefined && settler.waiting === 0) this.#sleep(now)
    else this.#call = this.#settle(settler.take(this.#batchSize), want)
  }

  async #settle(batch: OutcomeBatch, want: ClaimRequest | undefined): Promise<void> {
    const { store, clock, settler } = this.#parts
    const sentAt = clock.monotonic()
    const wakes = this.#wakes
    try {
      const answer = await store.settle(batch.outcomes, want)
      const now = clock.monotonic()
      this.#pauseMs = FIRST_PAUSE_MS
      this.#batchSize = Math.min(MAX_BATCH, this.#batchSize * 2)
      this.#parts.events.worked(DURING)
      settler.confirm()
      if (want) this.#claimed(want, answer, { sentAt, now, woken: this.#wakes !== wakes })
      if (batch.outcomes.length > 0) this.#parts.onSettled(batch, answer.settled)
    } catch (error) {
      this.#failed(batch, error)
    } finally {
      this.#call = undefined
      this.#parts.executor.pump()
      this.turn()
    }
  }

  #want(now: number): ClaimRequest | undefined {
    const { executor, settler, lease, maxConcurrentJobs } = this.#parts
    if (!this.#claiming || now >= lease.until) return undefined
    if (now >= this.#dueAt || now - this.#claimedAt >= this.#parts.pollMs) this.#hungry = true
    // a call that settles may as well claim: it is the same trip
    if (!this.#hungry && settler.waiting === 0) return undefined
    const { running, queued } = executor
    const free = maxConcurrentJobs - running - queued
    const ahead = this.#ahead.allowance(now, executor.ended)
    const unsettled = settler.refused + Math.max(0, settler.waiting - this.#batchSize)
    const left = MAX_BATCH - running - queued - unsettled
    const limit = Math.min(free + (this.#types.limitedAreDue(now) ? 0 : ahead), left)
    if (limit < 1) return undefined
    const types = this.#types.forClaim(Math.min(free, limit), now)
    return types.length === 0 ? undefined : { worker: lease.id, limit, types }
  }

  #claimed(want: ClaimRequest, answer: Settled, call: { sentAt: number; now: number; woken: boolean }): void {
    const { lease, registry, executor } = this.#parts
    const { jobs, nextDueInMs } = answer
    this.#ahead.called(call.now - call.sentAt)
    this.#claimedAt = call.sentAt
    this.#dueAt = nextDueInMs === null ? Number.POSITIVE_INFINITY : call.now + nextDueInMs
    this.#hungry = call.woken || jobs.length >= want.limit
    if (nextDueInMs === 0 && jobs.length === 0) {
      this.#dueAt = call.now + this.#emptyMs
      this.#emptyMs = Math.min(LONGEST_EMPTY_MS, this.#emptyMs * 2)
    } else this.#emptyMs = EMPTY_MS
    if (jobs.length === 0) return
    const attempts = jobs.map((job) => new Attempt(job, registry.get(job.type), want.worker))
    // an answer past its deadline: a heartbeat may have given these back already. So may a worker that was replaced meanwhile.
    const late = call.now - call.sentAt > OPERATION_DEADLINE_MS || want.worker !== lease.id
    if (late || !this.#claiming) this.#release(attempts)
    else executor.enqueue(attempts)
  }

  #failed(batch: OutcomeBatch, error: unknown): void {
    const { events, settler, clock, random } = this.#parts
    events.failed(DURING, error)
    this.#hungry = true
    const refused = error instanceof SchedError && error.code !== 'UNAVAILABLE' && error.code !== 'CLOSED'
    if (refused && batch.outcomes.length === 1) this.#replaceRefused(batch, error)
    else settler.putBack()
    if (refused && batch.outcomes.length > 0) this.#batchSize = Math.max(1, batch.outcomes.length >> 1)
    this.#pausedUntil = clock.monotonic() + this.#pauseMs * (0.5 + random() / 2)
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2)
  }

  /** The store takes everything but this outcome: the job fails for that reason, and if even that is refused, it stays held. */
  #replaceRefused({ outcomes, attempts }: OutcomeBatch, error: unknown): void {
    const { settler } = this.#parts
    const { id, token } = outcomes[0]!
    const attempt = attempts[0]!
    settler.confirm()
    const refusals = ++attempt.outcomesRefused
    if (refusals > 2) {
      settler.keepRefused(attempt)
      return
    }
    const stored = refusals === 1 ? toJobError(error) : NOT_STORABLE
    attempt.error = error
    settler.add(attempt, { id, token, kind: 'fail', reason: 'error', error: stored })
  }

  #giveBackHeld(now: number): void {
    const { executor, leaseMs } = this.#parts
    if (executor.queued > 0 && now - executor.lastMove >= holdMs(leaseMs))
      this.#release(executor.dequeueAll())
  }

  #release(attempts: readonly Attempt[]): void {
    for (const attempt of attempts) {
      attempt.state = 'over'
      const { id, token } = attempt.job
      this.#parts.settler.add(attempt, { id, token, kind: 'release' })
    }
  }

  #sleep(now: number): void {
    if (!this.#claiming) return
    const { executor, lease, leaseMs, maxConcurrentJobs, pollMs } = this.#parts
    let until = Number.POSITIVE_INFINITY
    if (executor.queued > 0) until = executor.lastMove + holdMs(leaseMs)
    // without a slot, the end of an attempt is what it waits for; without a lease, a heartbeat
    if (executor.running < maxConcurrentJobs && now < lease.until)
      until = Math.min(until, this.#dueAt, this.#claimedAt + pollMs)
    this.#sleepUntil(until)
  }

  /** A timer that is set for an earlier moment stays: when it fires, the turn finds out what to wait for. */
  #sleepUntil(at: number): void {
    if (at === Number.POSITIVE_INFINITY || (this.#timer && this.#timerAt <= at)) return
    this.#timer?.cancel()
    this.#timerAt = at
    // whole milliseconds: a rest too small to move the clock would be waited for again and again
    const delayMs = Math.max(0, Math.ceil(at - this.#parts.clock.monotonic()))
    this.#timer = this.#parts.clock.after(delayMs, () => {
      this.#timer = undefined
      this.#timerAt = Number.POSITIVE_INFINITY
      this.turn()
    })
  }
}

function holdMs(leaseMs: number): number {
  return Math.min(HOLD_MS, leaseMs / 4)
}
