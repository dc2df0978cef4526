/**
 * `pending` (with `runAt`; delayed and retrying are simply in the future) → `running` → `completed` | `failed` | `cancelled`.
 * A `failed` job is a dead letter.
 */
export type JobState = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled'

export const JOB_STATES: readonly JobState[] = ['pending', 'running', 'completed', 'failed', 'cancelled']
export type FinalState = 'completed' | 'failed' | 'cancelled'
export const FINAL_STATES: readonly FinalState[] = ['completed', 'failed', 'cancelled']

export type Delivery = 'at-least-once' | 'at-most-once'

/**
 * Why a job failed: `error` (its handler, more often than `maxRetries` allows) · `timeout` · `stalled` · `payload` (its schema refused
 * it) · `expired` (never started in time) · `crashed` (its workers died `maxCrashes` times, or once for at-most-once) · `undecodable`
 * (its stored bytes cannot be read).
 */
export type FailReason = 'error' | 'timeout' | 'stalled' | 'payload' | 'expired' | 'crashed' | 'undecodable'

/** An error as it is stored: what a reader needs at 3 a.m. */
export interface JobError {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
}

/** How long finished jobs of one state are kept. Both bounds hold; `ageMs: 0` or `count: 0` keeps none. */
export interface Keep {
  readonly ageMs?: number
  /** Per job type. */
  readonly count?: number
}

export interface Retention {
  readonly completed?: Keep
  readonly failed?: Keep
  readonly cancelled?: Keep
}

/** Completed and cancelled: one hour and at most 1,000 a type. Failed: 14 days. */
export const DEFAULT_RETENTION: Required<Retention> = {
  completed: { ageMs: 3_600_000, count: 1_000 },
  cancelled: { ageMs: 3_600_000, count: 1_000 },
  failed: { ageMs: 14 * 86_400_000 },
}

/** Which schedule fired, and for which due instant (epoch milliseconds). */
export interface Occurrence {
  readonly schedule: string
  readonly due: number
}

/** What the runtime wants back with the claim and no store looks into: a small JSON object, absent when all is default. */
export type JobOptions = Readonly<Record<string, unknown>>

/** A job as a reader sees it. Instants are epoch milliseconds of the storage server. */
export interface JobRecord {
  readonly id: string
  readonly type: string
  readonly payload: unknown
  readonly state: JobState
  readonly priority: number
  readonly createdAt: number
  /** When it is, or was, due. */
  readonly runAt: number
  /** The start of the latest attempt: its claim. */
  readonly startedAt: number | null
  readonly finishedAt: number | null
  /** Not started by then: failed with reason `expired`. */
  readonly expiresAt: number | null
  /** Runs counted so far; counted at the claim, given back by release and snooze. */
  readonly attempt: number
  /** Attempts that failed. */
  readonly failures: number
  /** Attempts whose worker died. */
  readonly crashes: number
  readonly maxRetries: number
  readonly maxCrashes: number
  readonly delivery: Delivery
  /** The worker that runs it; null unless running. */
  readonly worker: string | null
  /** Grows with every claim of this job; 0 before the first. */
  readonly fence: number
  readonly cancelRequested: boolean
  /** Why it failed or was cancelled; null otherwise. */
  readonly reason: FailReason | (string & {}) | null
  /** The latest failure, also while it waits for a retry. */
  readonly error: JobError | null
  readonly result: unknown
  readonly entityId: string | null
  readonly occurrence: Occurrence | null
  readonly options: JobOptions | null
  /** The stored bytes of a job that failed as `undecodable`, as text. */
  readonly raw?: string
}
