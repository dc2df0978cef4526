import { JOB_STATES, type JobState } from '../../contracts/job-record.ts'
import { DEFAULT_MAX_CRASHES, REMEMBER_MS } from '../../contracts/job-store.ts'
import { encodeValue } from '../../values/codec.ts'
import { type GoneRow, isGone, isJobRow, type JobRow } from './job-row.ts'
import { type Packing, type RecordTable, Unreadable } from './record-table.ts'

export type StoredJob = JobRow | GoneRow
export type JobTable = RecordTable<StoredJob>

/**
 * Leaves out of a record what most jobs have in common: it halves the bytes of a small job, and each write is a write of the whole.
 * What comes out has every field, in one order: objects of one shape are copied several times as fast.
 */
export const JOB_PACKING: Packing<StoredJob> = {
  pack(job) {
    if (job.state === 'gone') return job
    const packed: Record<string, unknown> = {}
    for (const field in job) {
      const value = job[field as keyof JobRow]
      if (value !== undefined && value !== COMMON[field]) packed[field] = value
    }
    return packed
  },
  unpack(stored) {
    if (!isPackedJob(stored)) return stored
    return {
      id: stored.id,
      type: stored.type,
      state: stored.state,
      payload: stored.payload,
      priority: stored.priority ?? 0,
      createdAt: stored.createdAt,
      runAt: stored.runAt,
      notBefore: stored.notBefore,
      startedAt: stored.startedAt,
      endedAt: stored.endedAt,
      keepUntil: stored.keepUntil,
      finishedAt: stored.finishedAt,
      expiresAt: stored.expiresAt,
      attempt: stored.attempt ?? 0,
      failures: stored.failures ?? 0,
      crashes: stored.crashes ?? 0,
      maxRetries: stored.maxRetries ?? 0,
      maxCrashes: stored.maxCrashes ?? DEFAULT_MAX_CRASHES,
      delivery: stored.delivery ?? 'at-least-once',
      retention: stored.retention,
      rememberMs: stored.rememberMs ?? REMEMBER_MS.made,
      worker: stored.worker,
      token: stored.token,
      receipt: stored.receipt,
      fence: stored.fence ?? 0,
      cancelRequested: stored.cancelRequested,
      reason: stored.reason,
      error: stored.error,
      result: stored.result,
      entityId: stored.entityId,
      occurrence: stored.occurrence,
      schedule: stored.schedule,
      options: stored.options,
      dispatch: stored.dispatch,
      raw: stored.raw,
      rev: stored.rev,
    } satisfies Record<keyof JobRow, unknown>
  },
}

/** What `pack` leaves out and `unpack` fills in. */
const COMMON: Readonly<Record<string, unknown>> = {
  priority: 0,
  attempt: 0,
  failures: 0,
  crashes: 0,
  maxRetries: 0,
  maxCrashes: DEFAULT_MAX_CRASHES,
  delivery: 'at-least-once',
  rememberMs: REMEMBER_MS.made,
  fence: 0,
} satisfies Partial<JobRow>

/** A job, whole enough to be filled up; anything else is left as it is, to be found undecodable. */
function isPackedJob(stored: unknown): stored is Partial<JobRow> {
  if (typeof stored !== 'object' || stored === null) return false
  const { id, type, state, runAt, rev } = stored as Partial<JobRow>
  return (
    typeof id === 'string' &&
    typeof type === 'string' &&
    typeof runAt === 'number' &&
    Number.isSafeInteger(rev) &&
    'payload' in stored &&
    JOB_STATES.includes(state as JobState)
  )
}

/** A record that is no job as this version understands it. */
export interface UndecodableJob {
  readonly id: string
  readonly state: 'undecodable'
  /** Its stored form, as text; undefined where the storage itself cannot read it. */
  readonly raw: string | undefined
  /** What a write must expect; undefined where it is unknown, so that nothing can replace the record. */
  readonly rev: number | undefined
}

/** Reads jobs, one answer per id, in order. */
export async function readJobs(
  table: JobTable,
  ids: readonly string[],
): Promise<(StoredJob | UndecodableJob | null)[]> {
  const values = await table.read(ids)
  return values.map((value, index) => jobOf(ids[index]!, value))
}

/** What was read of `id`. */
export function jobOf(id: string, value: unknown): StoredJob | UndecodableJob | null {
  if (value === null || isGone(value) || isJobRow(value)) return value
  if (value instanceof Unreadable) return { id, state: 'undecodable', raw: undefined, rev: undefined }
  const rev: unknown = typeof value === 'object' ? ((value as Partial<JobRow>).rev ?? 0) : undefined
  return {
    id,
    state: 'undecodable',
    raw: encodeValue(value),
    rev: Number.isSafeInteger(rev) ? (rev as number) : undefined,
  }
}

/** The dead letter in the place of an undecodable record, kept until it is discarded. `type`: of the queue it was found in. */
export function undecodableRow(job: UndecodableJob, type: string, now: number): JobRow {
  return {
    id: job.id,
    type,
    state: 'failed',
    payload: null,
    priority: 0,
    createdAt: now,
    runAt: now,
    endedAt: now,
    finishedAt: null,
    attempt: 0,
    failures: 0,
    crashes: 0,
    maxRetries: 0,
    maxCrashes: 1,
    delivery: 'at-least-once',
    rememberMs: 0,
    fence: 0,
    reason: 'undecodable',
    raw: job.raw,
    rev: (job.rev ?? 0) + 1,
  }
}
