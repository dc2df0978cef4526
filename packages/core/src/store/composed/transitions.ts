/**
 * Every way in which a stored job changes, as functions from the row before to the row after. Pure. What stores the result does so by
 * compare-and-set on `row.rev`.
 *
 * ```
 * insert → pending ─ claimed → running ─ finished → completed, failed, cancelled ─ forgotten → gone
 *             ↑                   │                          │
 *             └ backToPending ────┴──────── revived ─────────┘
 * ```
 */
import type { FinalState, JobError } from '../../contracts/job-record.ts'
import { endOf, type GoneRow, type JobRow, keepOf } from './job-row.ts'

export interface Claimer {
  readonly worker: string
  readonly token: string
  readonly receipt: string | undefined
  readonly now: number
}

/** The attempt is counted here. */
export function claimed(row: JobRow, { worker, token, receipt, now }: Claimer): JobRow {
  const rev = row.rev + 1
  return {
    ...row,
    state: 'running',
    worker,
    token,
    receipt,
    startedAt: now,
    attempt: row.attempt + 1,
    fence: rev,
    dispatch: undefined,
    rev,
  }
}

export interface Ending {
  readonly result?: unknown
  readonly reason?: string | undefined
  readonly error?: JobError | undefined
}

/** A final state; or `gone` at once where the retention keeps none. */
export function finished(row: JobRow, state: FinalState, now: number, ending: Ending = {}): JobRow | GoneRow {
  const keep = keepOf(row, state)
  if (keep.ageMs === 0 || keep.count === 0) return forgotten({ ...row, state, endedAt: now }, now)
  return {
    ...row,
    state,
    endedAt: now,
    keepUntil: keep.ageMs === undefined ? undefined : now + keep.ageMs,
    finishedAt: keep.ageMs === undefined ? null : now + Math.max(keep.ageMs, row.rememberMs),
    worker: undefined,
    receipt: undefined,
    notBefore: undefined,
    result: ending.result ?? row.result,
    reason: ending.reason ?? row.reason,
    error: ending.error ?? row.error,
    dispatch: undefined,
    rev: row.rev + 1,
  }
}

/** The record goes; its id stays known for what is left of its `rememberMs`. */
export function forgotten(row: JobRow, now: number): GoneRow {
  const finishedAt = (row.endedAt ?? now) + row.rememberMs
  return { id: row.id, type: row.type, state: 'gone', was: endOf(row), finishedAt, rev: row.rev + 1 }
}

export interface Return {
  readonly runAt: number
  /** The attempt does not count: it never started, or is to be made again. */
  readonly giveBack?: boolean
  /** Never before `runAt`. */
  readonly waits?: boolean
  /** Not by an outcome: its token is over, and as nobody knows what the broker's entry is worth it is published again. */
  readonly takenBack?: boolean
}

/** A running job is to run again; where its cancellation was asked for it ends as cancelled instead. */
export function backToPending(
  row: JobRow,
  now: number,
  { runAt, giveBack, waits, takenBack }: Return,
): JobRow | GoneRow {
  const attempt = giveBack ? row.attempt - 1 : row.attempt
  const token = takenBack && row.token !== undefined ? overToken(row.token) : row.token
  if (row.cancelRequested) return finished({ ...row, attempt, token }, 'cancelled', now)
  return {
    ...row,
    state: 'pending',
    attempt,
    runAt,
    notBefore: waits ? runAt : undefined,
    worker: undefined,
    receipt: undefined,
    token,
    // the entry in the broker is given back under its receipt; where that fails, the reconciler publishes
    dispatch: takenBack ? 'pending' : undefined,
    rev: row.rev + 1,
  }
}

/** What the record of a job that was taken back has instead of this token: an outcome under the token is stale, where one that was settled is not. */
export function overToken(token: string): string {
  return `over:${token}`
}

/** Counts the death of the job's worker, and decides what becomes of the job. Its token is refused from now on. */
export function crashed(row: JobRow, now: number): JobRow | GoneRow {
  const counted: JobRow = { ...row, crashes: row.crashes + 1, token: undefined }
  if (counted.delivery === 'at-most-once' || counted.crashes >= counted.maxCrashes)
    return finished(counted, 'failed', now, { reason: 'crashed' })
  return backToPending(counted, now, { runAt: row.runAt, takenBack: true })
}

/** Its worker left in the middle of it, so it may have run: the attempt stays counted. Its token is refused from now on. */
export function abandoned(row: JobRow, now: number): JobRow | GoneRow {
  const left: JobRow = { ...row, token: undefined }
  if (left.delivery === 'at-most-once') return finished(left, 'failed', now, { reason: 'crashed' })
  return backToPending(left, now, { runAt: row.runAt, takenBack: true })
}

/** A failed or cancelled job starts anew, due now; an expiry that has passed no longer holds. */
export function revived(row: JobRow, now: number): JobRow {
  return {
    ...row,
    state: 'pending',
    runAt: now,
    notBefore: undefined,
    endedAt: undefined,
    keepUntil: undefined,
    finishedAt: null,
    failures: 0,
    crashes: 0,
    reason: undefined,
    result: undefined,
    cancelRequested: undefined,
    token: undefined,
    expiresAt: row.expiresAt !== undefined && row.expiresAt <= now ? undefined : row.expiresAt,
    dispatch: 'pending',
    rev: row.rev + 1,
  }
}

/** A pending job becomes due at `runAt`, or at once when that is past. */
export function moved(row: JobRow, now: number, runAt: number): JobRow {
  const waits = runAt > now
  return {
    ...row,
    runAt: waits ? runAt : now,
    notBefore: waits ? runAt : undefined,
    dispatch: 'pending',
    rev: row.rev + 1,
  }
}

export function cancelAsked(row: JobRow, reason: string | undefined): JobRow {
  return { ...row, cancelRequested: true, reason: reason ?? row.reason, rev: row.rev + 1 }
}

export function sent(row: JobRow): JobRow {
  return { ...row, dispatch: undefined, rev: row.rev + 1 }
}

export function isExpired(row: JobRow, now: number): boolean {
  return row.expiresAt !== undefined && row.expiresAt <= now
}
