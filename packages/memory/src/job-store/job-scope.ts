import type { Clock, FailReason, JobError } from '@sched/core/adapter'
import { Line } from '../line.ts'
import type { Alarm, TimedSource } from '../timers.ts'
import { Wakes } from '../wakes.ts'
import { JobIds } from './job-ids.ts'
import { CANCELLED, COMPLETED, FAILED, type FinalCode, PENDING, RUNNING } from './job-states.ts'
import { JobTable } from './job-table.ts'
import { TagIndex } from './tag-index.ts'
import { keepOf } from './terms.ts'
import { TypeLane } from './type-lane.ts'
import { Claim, type Worker } from './workers.ts'

/** Marks are kept in 32 bits. */
const MAX_MARK = 2 ** 32 - 1

/**
 * The jobs of one scope, shared by every node, and the few steps in which a job goes from state to state; what a call of the store
 * does is in the files beside, one a call, in terms of these:
 *
 * ```
 * (insert) ─ enter → pending ─ left, start → running ─ stop → completed, failed, cancelled ─ forget → (the id is remembered)
 *               ↑       │                    │    │              ↑                  │
 *               │       └────── leave ───────┼────┴── finish ────┘                  │
 *               └──────── requeue ───────────┴──────────────────────── unfinish ────┘
 * ```
 * Each runs in one synchronous stretch, so each is atomic; time is the server's clock.
 */
export class JobScope implements TimedSource {
  readonly table: JobTable = new JobTable()
  readonly ids: JobIds
  readonly lanes: Map<string, TypeLane> = new Map()
  readonly workers: Map<string, Worker> = new Map()
  /** Pending jobs that expire, by (expiresAt, slot). */
  readonly expiries: Line = new Line()
  readonly byEntity: TagIndex = new TagIndex()
  readonly bySchedule: TagIndex = new TagIndex()
  readonly wakes: Wakes = new Wakes()
  readonly #clock: Clock
  readonly #alarm: Alarm
  #lastTicket = 0
  #lastClaim = 0
  #lastMark = 0
  #rungAt = 0

  constructor(clock: Clock, alarm: Alarm, maxRememberedIds: number) {
    this.#clock = clock
    this.#alarm = alarm
    this.ids = new JobIds(maxRememberedIds, (slot) => this.table.ids[slot]!)
  }

  now(): number {
    return this.#clock.now()
  }

  nextTicket(): number {
    return ++this.#lastTicket
  }

  /** A number for {@link JobTable.marks} that no slot carries yet. */
  nextMark(): number {
    if (this.#lastMark === MAX_MARK) {
      this.#lastMark = 0
      this.table.marks.fill(0)
    }
    return ++this.#lastMark
  }

  laneOf(type: string): TypeLane {
    let lane = this.lanes.get(type)
    if (lane === undefined) {
      lane = new TypeLane(type)
      this.lanes.set(type, lane)
    }
    return lane
  }

  /** A claim for `worker`: its number, the fence, exceeds every one before, also those of an earlier life of the process. */
  newClaim(worker: Worker, now: number): Claim {
    this.#lastClaim = Math.max(this.#lastClaim + 1, now * 1000)
    const claim = new Claim(this.#lastClaim, worker, now)
    worker.claims.add(claim)
    return claim
  }

  /** Makes the job wait for a claim, due at `runAt`, behind its equals; or at the place that `ticket` had. */
  enter(slot: number, runAt: number, now: number, ticket: number = this.nextTicket()): void {
    const { table } = this
    const lane = table.lanes[slot]!
    table.states[slot] = PENDING
    table.runAt[slot] = runAt
    table.tickets[slot] = ticket
    lane.pending++
    lane.ready.add(table.priorities[slot]!, runAt, ticket, slot)
    const expiresAt = table.extras[slot]?.expiresAt
    if (expiresAt != null) this.expiries.add(expiresAt, slot, slot)
    if (runAt <= now) this.wake(lane)
    else if (!lane.paused && this.wakes.has(lane.type)) this.#alarm.expect(runAt)
  }

  /** Takes a pending job out of its line. Its next state is the caller's. */
  leave(slot: number): void {
    const { table } = this
    const lane = table.lanes[slot]!
    lane.ready.remove(table.priorities[slot]!, table.runAt[slot]!, table.tickets[slot]!)
    this.left(slot, lane)
  }

  /** The job was taken from the head of its line already. */
  left(slot: number, lane: TypeLane): void {
    lane.pending--
    const expiresAt = this.table.extras[slot]?.expiresAt
    if (expiresAt != null) this.expiries.remove(expiresAt, slot)
  }

  /** The job, out of its line, is `claim`'s. */
  start(slot: number, lane: TypeLane, claim: Claim): void {
    const { table } = this
    table.states[slot] = RUNNING
    table.claims[slot] = claim
    table.attempts[slot]!++
    lane.running++
    claim.slots.push(slot)
    claim.held++
    claim.worker.running++
  }

  /** A running job is nobody's any more. Its next state is the caller's. */
  stop(slot: number): void {
    const lane = this.table.lanes[slot]!
    const claim = this.table.claims[slot]!
    lane.running--
    claim.worker.running--
    if (--claim.held === 0) {
      claim.slots = []
      claim.worker.claims.delete(claim)
    }
    if (lane.saturated) {
      lane.saturated = false
      this.wake(lane)
    }
  }

  /**
   * A running job is to run again, due at `runAt`: cancelled instead when somebody asked for that. `giveBack`: the attempt does not
   * count. `keepPlace`: as if it had never been claimed.
   */
  requeue(slot: number, now: number, runAt: number, how: { giveBack: boolean; keepPlace: boolean }): void {
    const { table } = this
    if (how.giveBack) table.attempts[slot]!--
    if (table.extras[slot]?.cancelRequested === true) {
      this.finish(slot, CANCELLED, now)
      return
    }
    this.stop(slot)
    if (how.keepPlace) this.enter(slot, runAt, now, table.tickets[slot]!)
    else this.enter(slot, runAt, now)
  }

  /** Ends a pending or running job, and keeps as many as its retention says. */
  finish(slot: number, state: FinalCode, now: number): void {
    const { table } = this
    const lane = table.lanes[slot]!
    if (table.states[slot] === RUNNING) this.stop(slot)
    else this.leave(slot)
    this.finished(slot, lane, state, now)
  }

  /** Ends a job that was taken out of where it stood. */
  finished(slot: number, lane: TypeLane, state: FinalCode, now: number): void {
    const { table } = this
    table.states[slot] = state
    table.finishedAt[slot] = now
    lane.finished[state - COMPLETED]!++
    const keep = keepOf(table.terms[slot]!, state)
    if (keep.ageMs === 0 || keep.count === 0) {
      this.#forget(slot, now)
      return
    }
    const ticket = this.nextTicket()
    table.tickets[slot] = ticket
    const history = lane.history(state)
    history.add(now, ticket, slot, keep.ageMs ?? Number.POSITIVE_INFINITY)
    if (keep.count === undefined) return
    while (history.size > keep.count) this.#forget(history.takeOldest(), now)
  }

  fail(slot: number, reason: FailReason, error: JobError | null, now: number): void {
    const extras = this.table.extrasOf(slot)
    extras.reason = reason
    if (error !== null) extras.error = error
    this.finish(slot, FAILED, now)
  }

  cancel(slot: number, reason: string | null, now: number): void {
    if (reason !== null) this.table.extrasOf(slot).reason = reason
    this.finish(slot, CANCELLED, now)
  }

  /** Takes a finished job out of its history: it becomes something else, or nothing. */
  unfinish(slot: number): void {
    const { table } = this
    const state = table.states[slot] as FinalCode
    const keep = keepOf(table.terms[slot]!, state)
    const ageMs = keep.ageMs ?? Number.POSITIVE_INFINITY
    table.lanes[slot]!.history(state).remove(table.finishedAt[slot]!, table.tickets[slot]!, ageMs)
  }

  /** Deletes the record of a pending or finished job; its id stays known for its `rememberMs`. */
  discard(slot: number, now: number): void {
    const pending = this.table.states[slot] === PENDING
    if (pending) this.leave(slot)
    else this.unfinish(slot)
    if (pending) this.table.finishedAt[slot] = now
    this.#forget(slot, now)
  }

  /** Deletes up to `limit` records whose time is over; gives how many it deleted. */
  prune(now: number, limit: number): number {
    let pruned = 0
    for (const lane of this.lanes.values()) {
      for (const history of lane.histories) {
        while (pruned < limit) {
          const slot = history.takeOutdated(now)
          if (slot < 0) break
          this.#forget(slot, now)
          pruned++
        }
      }
    }
    return pruned
  }

  wake(lane: TypeLane): void {
    if (!lane.paused) this.wakes.wake(lane.type)
  }

  /** Durable, idempotent. Delays keep running, inserting works. */
  pause(type: string, paused: boolean): void {
    const lane = this.laneOf(type)
    if (lane.paused === paused) return
    lane.paused = paused
    if (paused) return
    if (lane.ready.next(this.now()) !== undefined) this.wake(lane)
    if (this.wakes.has(type)) this.#alarm.expect(lane.ready.nextAfter(this.now()))
  }

  /** Returns the way to stop. */
  listen(types: readonly string[], onWake: (type: string) => void): () => void {
    const stop = this.wakes.listen(types, onWake)
    this.#alarm.watch(this)
    return () => {
      stop()
      if (this.wakes.isEmpty) this.#alarm.unwatch(this)
    }
  }

  /** Everything goes but the listeners; fences go on growing. */
  clear(): void {
    for (const part of [
      this.table,
      this.ids,
      this.lanes,
      this.workers,
      this.expiries,
      this.byEntity,
      this.bySchedule,
    ]) {
      part.clear()
    }
  }

  ring(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const type of this.wakes.names()) {
      const lane = this.lanes.get(type)
      if (lane === undefined || lane.paused) continue
      if (lane.ready.nextAfter(this.#rungAt) <= now) this.wake(lane)
      next = Math.min(next, lane.ready.nextAfter(now))
    }
    this.#rungAt = now
    return next
  }

  /** The record goes; the id is remembered for what is left of its `rememberMs`. */
  #forget(slot: number, now: number): void {
    const { table } = this
    const { rememberMs } = table.terms[slot]!
    const until = table.finishedAt[slot]! + rememberMs
    const hash = table.hashes[slot]!
    if (until > now) this.ids.remember(table.ids[slot]!, hash, slot, { now, until, rememberMs })
    else this.ids.forget(hash, slot)
    const extras = table.extras[slot]
    if (extras?.entityId != null) this.byEntity.remove(extras.entityId, slot)
    if (extras?.occurrence != null) this.bySchedule.remove(extras.occurrence.schedule, slot)
    table.free(slot)
  }
}
