/** What the composed store keeps in the storage, and how a reader sees it. */
import type {
  Delivery,
  FinalState,
  JobError,
  JobOptions,
  JobRecord,
  JobState,
  Keep,
  Occurrence,
  Retention,
} from '../../contracts/job-record.ts'
import { DEFAULT_RETENTION, JOB_STATES } from '../../contracts/job-record.ts'
import { type ClaimedJob, DEFAULT_MAX_CRASHES, type NewJob, REMEMBER_MS } from '../../contracts/job-store.ts'
import { cloneValue } from '../../values/codec.ts'

/** The namespaces under the scope. */
export const JOBS = 'jobs'
export const WORKERS = 'workers'
export const TYPES = 'types'
export const TALLIES = 'tallies'
export const RECONCILER = 'reconciler'
export const BATCHES = 'batches'

/** What the storage may index of a job: what is filtered or pruned by. Most jobs lack most of the later ones. */
export const JOB_FIELDS = [
  'state',
  'type',
  'worker',
  'finishedAt',
  'keepUntil',
  'expiresAt',
  'dispatch',
  'entityId',
  'schedule',
] as const

/** What every stored record of the composed store has. */
export interface Versioned {
  /** Grows by one at every write, and never repeats for an id: see {@link Revisions}. */
  readonly rev: number
}

/**
 * A job as it is stored: one record, replaced whole. Instants are epoch milliseconds of the storage server.
 * A field that is undefined is not there.
 */
export interface JobRow extends Versioned {
  readonly id: string
  readonly type: string
  readonly state: JobState
  readonly payload: unknown
  readonly priority: number
  readonly createdAt: number
  readonly runAt: number
  /** Never started before; undefined for what may start at once, so that no clock's error holds it back. */
  readonly notBefore?: number | undefined
  readonly startedAt?: number | undefined
  readonly endedAt?: number | undefined
  /** When a finished record's age is up. */
  readonly keepUntil?: number | undefined
  /**
   * From when `prune` may delete the record: later than `keepUntil`, since the id stays known for a while. Null: not at all, which
   * holds while the job is unfinished.
   */
  readonly finishedAt: number | null
  readonly expiresAt?: number | undefined
  readonly attempt: number
  readonly failures: number
  readonly crashes: number
  readonly maxRetries: number
  readonly maxCrashes: number
  readonly delivery: Delivery
  readonly retention?: Retention | undefined
  readonly rememberMs: number
  /** The worker that runs it; undefined unless running. */
  readonly worker?: string | undefined
  /** The proof of the latest claim. It ends when the job is taken back. */
  readonly token?: string | undefined
  /** The broker's proof of the lease under which the job was claimed. */
  readonly receipt?: string | undefined
  /** The rev of the latest claim; 0 before the first. */
  readonly fence: number
  readonly cancelRequested?: true | undefined
  readonly reason?: string | undefined
  readonly error?: JobError | undefined
  readonly result?: unknown
  readonly entityId?: string | undefined
  readonly occurrence?: Occurrence | undefined
  /** `occurrence.schedule`, where a filter can reach it. */
  readonly schedule?: string | undefined
  readonly options?: JobOptions | undefined
  /**
   * Maybe not in the broker yet: `pending`, or the batch that it was saved with, while the record of that is there. Undefined once it was
   * seen to be sent.
   */
  readonly dispatch?: string | undefined
  /** The stored form of a job that failed as undecodable. */
  readonly raw?: string | undefined
}

/** A record in the place of a finished one that went before its id may be used again. */
export interface GoneRow extends Versioned {
  readonly id: string
  readonly type: string
  readonly state: 'gone'
  /** How the job ended; undefined when it was discarded before it did. */
  readonly was?: FinalState | undefined
  /** When the id may be used again, and `prune` may delete this. */
  readonly finishedAt: number
}

/** `now`: the storage server's time, a whole number of milliseconds. */
export function newRow(job: NewJob, now: number, rev: number, dispatch = 'pending'): JobRow {
  const notBefore = job.delayMs !== undefined ? now + Math.ceil(job.delayMs) : job.runAt
  const waits = notBefore !== undefined && notBefore > now
  return {
    id: job.id,
    type: job.type,
    state: 'pending',
    payload: job.payload,
    priority: job.priority,
    createdAt: now,
    runAt: waits ? notBefore : now,
    notBefore: waits ? notBefore : undefined,
    finishedAt: null,
    expiresAt: job.expiresInMs !== undefined ? now + job.expiresInMs : job.expiresAt,
    attempt: 0,
    failures: 0,
    crashes: 0,
    maxRetries: job.maxRetries ?? 0,
    maxCrashes: job.maxCrashes ?? DEFAULT_MAX_CRASHES,
    delivery: job.delivery ?? 'at-least-once',
    retention: job.retention,
    rememberMs: job.rememberMs ?? REMEMBER_MS.made,
    fence: 0,
    entityId: job.entityId,
    occurrence: job.occurrence && { schedule: job.occurrence.schedule, due: job.occurrence.due },
    schedule: job.occurrence?.schedule,
    options: job.options,
    dispatch,
    rev,
  }
}

export function keepOf(row: Pick<JobRow, 'retention'>, state: FinalState): Keep {
  return row.retention?.[state] ?? DEFAULT_RETENTION[state]
}

/** True for what the composed store wrote itself and this version understands. */
export function isJobRow(value: unknown): value is JobRow {
  if (typeof value !== 'object' || value === null) return false
  const row = value as Partial<JobRow>
  return (
    typeof row.id === 'string' &&
    typeof row.type === 'string' &&
    Number.isSafeInteger(row.rev) &&
    JOB_STATES.includes(row.state as JobState) &&
    Number.isSafeInteger(row.attempt) &&
    typeof row.runAt === 'number' &&
    typeof row.priority === 'number' &&
    'payload' in row
  )
}

export function isGone(value: unknown): value is GoneRow {
  return typeof value === 'object' && value !== null && (value as Partial<GoneRow>).state === 'gone'
}

/** How the row's job ended; undefined while it did not. */
export function endOf(row: JobRow | GoneRow): FinalState | undefined {
  if (row.state === 'gone') return row.was
  return row.state === 'pending' || row.state === 'running' ? undefined : row.state
}

export function isFinal(state: JobState): boolean {
  return state !== 'pending' && state !== 'running'
}

export function toRecord(row: JobRow): JobRecord {
  const { state } = row
  return {
    id: row.id,
    type: row.type,
    payload: row.payload,
    state,
    priority: row.priority,
    createdAt: row.createdAt,
    runAt: row.runAt,
    startedAt: row.startedAt ?? null,
    finishedAt: row.endedAt ?? null,
    expiresAt: row.expiresAt ?? null,
    attempt: row.attempt,
    failures: row.failures,
    crashes: row.crashes,
    maxRetries: row.maxRetries,
    maxCrashes: row.maxCrashes,
    delivery: row.delivery,
    worker: row.worker ?? null,
    fence: row.fence,
    cancelRequested: row.cancelRequested ?? false,
    reason: state === 'failed' || state === 'cancelled' ? (row.reason ?? null) : null,
    error: row.error ?? null,
    result: row.result ?? null,
    entityId: row.entityId ?? null,
    occurrence: row.occurrence ?? null,
    options: row.options ?? null,
    ...(row.raw === undefined ? {} : { raw: row.raw }),
  }
}

/**
 * `row` is running, under `row.token`. The row is kept: where it is `writtenWhole` when the job is settled, the caller, who may change what it
 * gets, gets copies.
 */
export function toClaimed(row: JobRow, writtenWhole: boolean): ClaimedJob {
  const own = writtenWhole ? cloneValue : <T>(value: T): T => value
  return {
    id: row.id,
    type: row.type,
    payload: own(row.payload),
    attempt: row.attempt,
    failures: row.failures,
    crashes: row.crashes,
    fence: row.fence,
    token: row.token ?? '',
    priority: row.priority,
    dueAt: row.runAt,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt ?? null,
    maxRetries: row.maxRetries,
    delivery: row.delivery,
    entityId: row.entityId ?? null,
    occurrence: own(row.occurrence ?? null),
    options: own(row.options ?? null),
  }
}
