import type { JobRecord, JobState, Retention } from '@sched/core/adapter'
import { Line } from './line.ts'

/** A job as the model keeps it: the record a reader sees, and what only the store needs to know. */
export type ModelJob = { -readonly [K in keyof Omit<JobRecord, 'payload'>]: JobRecord[K] } & {
  payload: unknown
  readonly seq: number
  readonly rememberMs: number
  readonly retention: Retention | undefined
  /** The token of the claim that runs it; null unless running. */
  token: string | null
  claimedAt: number
  /** What is left of a record that cannot be decoded any more. */
  damaged?: string
}

export interface ModelWorker {
  readonly id: string
  until: number
  dead: boolean
  info: Readonly<Record<string, unknown>>
}

export interface Counters {
  completed: number
  failed: number
  cancelled: number
  durationMs: number
}

/** Everything a job store keeps for one prefix. */
export class JobTable {
  readonly jobs: Map<string, ModelJob> = new Map()
  /** Ids of jobs whose record is gone → when they are forgotten. */
  readonly remembered: Map<string, number> = new Map()
  readonly workers: Map<string, ModelWorker> = new Map()
  /** Whose claim a token proves: for good, so that a late settle can be answered. */
  readonly tokens: Map<string, string> = new Map()
  readonly paused: Set<string> = new Set()
  readonly counters: Map<string, Counters> = new Map()
  readonly wakes: Set<(type: string) => void> = new Set()
  readonly #byState = new Map<JobState, Set<ModelJob>>()
  readonly #pending = new Line<ModelJob>(
    (a, b) => b.priority - a.priority || a.runAt - b.runAt || a.seq - b.seq,
  )

  get pending(): Iterable<ModelJob> {
    return this.#pending
  }

  add(job: ModelJob): void {
    this.jobs.set(job.id, job)
    this.inState(job.state).add(job)
    if (job.state === 'pending') this.#pending.add(job)
  }

  change(job: ModelJob, change: Partial<ModelJob>): void {
    this.remove(job)
    Object.assign(job, change)
    this.add(job)
  }

  remove(job: ModelJob): void {
    if (job.state === 'pending') this.#pending.remove(job)
    this.inState(job.state).delete(job)
    this.jobs.delete(job.id)
  }

  inState(state: JobState): Set<ModelJob> {
    const jobs = this.#byState.get(state) ?? new Set()
    this.#byState.set(state, jobs)
    return jobs
  }

  /** Everything but its listeners. */
  clear(): void {
    for (const job of [...this.jobs.values()]) this.remove(job)
    for (const part of [this.remembered, this.workers, this.tokens, this.paused, this.counters]) part.clear()
  }

  running(): ModelJob[] {
    return [...this.inState('running')]
  }

  countersOf(type: string): Counters {
    const counters = this.counters.get(type) ?? { completed: 0, failed: 0, cancelled: 0, durationMs: 0 }
    this.counters.set(type, counters)
    return counters
  }

  wake(type: string): void {
    for (const listener of [...this.wakes]) listener(type)
  }
}
