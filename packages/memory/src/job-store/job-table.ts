/**
 * Where a scope's jobs are: one column a field, one row (a *slot*, a small integer) a job. What every job has is a number in a typed
 * array; what most jobs lack is in an {@link Extras} of their own; what most jobs of a type have in common is one shared
 * {@link Terms}. So a million jobs are a handful of large arrays to the garbage collector, not a million records.
 */
import type { JobError, JobOptions, Occurrence } from '@sched/core/adapter'
import { FREE } from './job-states.ts'
import type { Terms } from './terms.ts'
import type { TypeLane } from './type-lane.ts'
import type { Claim } from './workers.ts'

/** What most jobs do not have. */
export class Extras {
  entityId: string | null = null
  occurrence: Occurrence | null = null
  options: JobOptions | null = null
  expiresAt: number | null = null
  failures = 0
  crashes = 0
  error: JobError | null = null
  reason: string | null = null
  result: unknown = null
  cancelRequested = false
}

const FIRST_CAPACITY = 256
/** A table of more slots that becomes empty starts anew. */
const KEPT_WHEN_EMPTY = 16_384

export class JobTable {
  readonly ids: string[] = []
  /** Of the ids. */
  hashes: Int32Array = new Int32Array(FIRST_CAPACITY)
  readonly payloads: unknown[] = []
  readonly lanes: TypeLane[] = []
  readonly terms: Terms[] = []
  /** The latest claim: it holds the job while its state is RUNNING, and is kept afterwards for its fence. */
  readonly claims: (Claim | undefined)[] = []
  readonly extras: (Extras | undefined)[] = []
  states: Uint8Array = new Uint8Array(FIRST_CAPACITY).fill(FREE)
  priorities: Int8Array = new Int8Array(FIRST_CAPACITY)
  attempts: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  createdAt: Float64Array = new Float64Array(FIRST_CAPACITY)
  runAt: Float64Array = new Float64Array(FIRST_CAPACITY)
  finishedAt: Float64Array = new Float64Array(FIRST_CAPACITY)
  /** The job's place among equals in the one line it stands in: its type's ready queue, or its history. */
  tickets: Float64Array = new Float64Array(FIRST_CAPACITY)
  /** The number of the latest call that came across the job: how a call finds ids named twice, or not at all. */
  marks: Uint32Array = new Uint32Array(FIRST_CAPACITY)
  #free: number[] = []
  #size = 0

  /** Slots that are, or were, in use: every job's slot is below. */
  get end(): number {
    return this.#size
  }

  /** A slot for a new job, without claim and extras; the other columns are the caller's to fill. */
  allocate(): number {
    const reused = this.#free.pop()
    if (reused !== undefined) return reused
    const slot = this.#size++
    if (slot === this.states.length) this.#resize(2 * slot, copied)
    this.claims.push(undefined)
    this.extras.push(undefined)
    return slot
  }

  free(slot: number): void {
    this.ids[slot] = ''
    this.payloads[slot] = undefined
    this.claims[slot] = undefined
    this.extras[slot] = undefined
    this.states[slot] = FREE
    this.marks[slot] = 0
    this.#free.push(slot)
    if (this.#free.length === this.#size && this.#size > KEPT_WHEN_EMPTY) this.clear()
  }

  /** No job is left: what a burst took is given back. */
  clear(): void {
    this.#free = []
    this.#size = 0
    for (const column of [this.ids, this.payloads, this.lanes, this.terms, this.claims, this.extras])
      column.length = 0
    this.#resize(FIRST_CAPACITY, (_, column) => column)
  }

  /** The job's extras, made when it has none yet. */
  extrasOf(slot: number): Extras {
    let extras = this.extras[slot]
    if (extras === undefined) {
      extras = new Extras()
      this.extras[slot] = extras
    }
    return extras
  }

  #resize(capacity: number, fill: Fill): void {
    this.hashes = fill(this.hashes, new Int32Array(capacity))
    this.states = fill(this.states, new Uint8Array(capacity).fill(FREE))
    this.priorities = fill(this.priorities, new Int8Array(capacity))
    this.attempts = fill(this.attempts, new Uint32Array(capacity))
    this.createdAt = fill(this.createdAt, new Float64Array(capacity))
    this.runAt = fill(this.runAt, new Float64Array(capacity))
    this.finishedAt = fill(this.finishedAt, new Float64Array(capacity))
    this.tickets = fill(this.tickets, new Float64Array(capacity))
    this.marks = fill(this.marks, new Uint32Array(capacity))
  }
}

type Fill = <Column extends { set(from: Column): void }>(from: Column, into: Column) => Column

const copied: Fill = (from, into) => {
  into.set(from)
  return into
}
