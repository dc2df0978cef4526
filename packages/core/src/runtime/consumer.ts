/**
 * The loop: one a process. Each turn starts what waits, then makes one call that settles what ended and claims what there is room for;
 * one call is under way at a time, and what ends meanwhile is settled by the next. Idle, it sleeps exactly until something is due, a wake
 * comes, or the fall-back poll: polling is the truth, wakes only make it early.
 */

import {
  type ClaimedJob,
  type ClaimRequest,
  type JobStore,
  MAX_BATCH,
  OPERATION_DEADLINE_MS,
  type Settled,
} from '../contracts/job-store.ts'
import { SchedError } from '../errors/sched-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../values/clock.ts'
import { Alarm } from './alarm.ts'
import { Attempt } from './attempt.ts'
import { ClaimAhead } from './claim-ahead.ts'
import { ClaimTypes } from './claim-types.ts'
import type { Executor } from './executor.ts'
import { replaceRefused } from './refused-outcome.ts'
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
  readonly #alarm: Alarm
  /** Claims may be made. */
  #claiming = false
  #turnPending = false
  /** Calls under way, how many there may be, and for how many jobs they ask. */
  #calls = 0
  readonly #mostCalls: number
  #asked = 0
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
  #batchSize: number
  /** So many are settled, or claimed, by one call: with as many under way as there may be, handlers have as much work meanwhile. */
  readonly #largest: number
  #onDrained: (() => void) | undefined
  #closed = false

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#mostCalls = parts.store.settlesAtOnce ?? 1
    this.#largest = Math.floor(MAX_BATCH / (2 * this.#mostCalls))
    this.#batchSize = this.#largest
    this.#types = new ClaimTypes(parts.registry)
    this.#alarm = new Alarm(parts.clock, () => this.turn())
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
    this.#alarm.cancel()
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
    if (this.#calls === this.#mostCalls) return
    const now = clock.monotonic()
    if (this.#calls === 0) this.#whileNothingIsUnderWay(now)
    if (now < this.#pausedUntil) {
      this.#alarm.ringAt(this.#pausedUntil)
      return
    }
    const want = this.#want(now)
    if (this.#calls > 0) {
      if (this.#isWorthAnother(want)) this.#send(want)
    } else if (want === undefined && settler.waiting === 0) this.#sleep(now)
    else this.#send(want)
  }

  #whileNothingIsUnderWay(now: number): void {
    if (this.#claiming) this.#giveBackHeld(now)
    if (!this.#parts.settler.isEmpty || !this.#onDrained) return
    this.#onDrained()
    this.#onDrained = undefined
  }

  /** Beside a call under way: only for much, and while all goes well. */
  #isWorthAnother(want: ClaimRequest | undefined): boolean {
    if (this.#batchSize < this.#largest || this.#pauseMs > FIRST_PAUSE_MS) return false
    return this.#parts.settler.waiting >= this.#largest || (want?.limit ?? 0) >= this.#largest / 2
  }

  #send(want: ClaimRequest | undefined): void {
    void this.#settle(this.#parts.settler.take(this.#batchSize), want)
  }

  async #settle(batch: OutcomeBatch, want: ClaimRequest | undefined): Promise<void> {
    const { store, clock, settler } = this.#parts
    const sentAt = clock.monotonic()
    const wakes = this.#wakes
    const asked = want?.limit ?? 0
    this.#calls++
    this.#asked += asked
    try {
      const answer = await store.settle(batch.outcomes, want)
      const now = clock.monotonic()
      this.#pauseMs = FIRST_PAUSE_MS
      this.#batchSize = Math.min(this.#largest, this.#batchSize * 2)
      this.#parts.events.worked(DURING)
      settler.confirm(batch)
      if (want) this.#claimed(want, answer, { sentAt, now, woken: this.#wakes !== wakes })
      if (batch.outcomes.length > 0) this.#parts.onSettled(batch, answer.settled)
    } catch (error) {
      this.#failed(batch, error)
    } finally {
      this.#calls--
      this.#asked -= asked
      this.#claimMore()
      this.#parts.executor.pump()
      this.turn()
    }
  }

  /** Before what was claimed is started: so the store works while the handlers do, instead of in turns with them. */
  #claimMore(): void {
    const now = this.#parts.clock.monotonic()
    if (this.#closed || !this.#hungry || now < this.#pausedUntil) return
    const want = this.#want(now)
    if (want !== undefined && (this.#calls === 0 || this.#isWorthAnother(want))) this.#send(want)
  }

  #want(now: number): ClaimRequest | undefined {
    const { executor, settler, lease, maxConcurrentJobs } = this.#parts
    if (!this.#claiming || now >= lease.until) return undefined
    if (now >= this.#dueAt || now - this.#claimedAt >= this.#parts.pollMs) this.#hungry = true
    // a call that settles may as well claim: it is the same trip
    if (!this.#hungry && settler.waiting === 0) return undefined
    const { running, queued } = executor
    const free = maxConcurrentJobs - running - queued - this.#asked
    const ahead = this.#ahead.allowance(now, executor)
    const unsettled = settler.refused + settler.sent + Math.max(0, settler.waiting - this.#batchSize)
    const left = MAX_BATCH - running - queued - this.#asked - unsettled
    const limit = Math.min(free + (this.#types.limitedAreDue(now) ? 0 : ahead), left, this.#largest)
    if (limit < 1) return undefined
    const types = this.#types.forClaim(Math.min(free, limit), now)
    const worker = lease.id
    const handOver = (job: ClaimedJob): void => this.#handedOver(job, worker)
    return types.length === 0 ? undefined : { worker, limit, types, handOver }
  }

  /** A job came to a claim that had stayed open: the next claim may stay open as well. */
  #handedOver(job: ClaimedJob, worker: string): void {
    if (this.#closed) return
    const { lease, registry, executor } = this.#parts
    const attempts = [new Attempt(job, registry.get(job.type), worker)]
    if (worker !== lease.id || !this.#claiming) this.#release(attempts)
    else executor.enqueue(attempts)
    executor.turn()
    this.wake()
  }

  #claimed(want: ClaimRequest, answer: Settled, call: { sentAt: number; now: number; woken: boolean }): void {
    const { lease, registry, executor } = this.#parts
    const { jobs, nextDueInMs } = answer
    this.#ahead.called(call.now - call.sentAt)
    if (call.sentAt >= this.#claimedAt) {
      this.#claimedAt = call.sentAt
      this.#dueAt = nextDueInMs === null ? Number.POSITIVE_INFINITY : call.now + nextDueInMs
    }
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
    if (refused && batch.outcomes.length === 1) replaceRefused(settler, batch, error)
    else settler.putBack(batch)
    if (refused && batch.outcomes.length > 0) this.#batchSize = Math.max(1, batch.outcomes.length >> 1)
    this.#pausedUntil = clock.monotonic() + this.#pauseMs * (0.5 + random() / 2)
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2)
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
    this.#alarm.ringAt(until)
  }
}

function holdMs(leaseMs: number): number {
  return Math.min(HOLD_MS, leaseMs / 4)
}
