import { JOB_STATES } from '../../contracts/job-record.ts'
import { DEFAULT_MAX_CRASHES, REMEMBER_MS } from '../../contracts/job-store.ts'
import { encodeValue } from '../../values/codec.ts'
import { type GoneRow, isGone, isJobRow, type JobRow } from './job-row.ts'
import { type Packing, type RecordTable, Unreadable } from './record-table.ts'

export type StoredJob = JobRow | GoneRow
export type JobTable = RecordTable<StoredJob>

/** What most jobs have; a stored record leaves out what is as here. */
const COMMON = {
  priority: 0,
  attempt: 0,
  failures: 0,
  crashes: 0,
  maxRetries: 0,
  maxCrashes: DEFAULT_MAX_CRASHES,
  delivery: 'at-least-once',
  rememberMs: REMEMBER_MS.made,
  fence: 0,
} as const

const COMMON_FIELDS = Object.entries(COMMON)

/** Halves the bytes of a small job: each write of a record is a write of the whole. */
export const JOB_PACKING: Packing<StoredJob> = {
  pack(job) {
    if (job.state === 'gone') return job
    const packed: Record<string, unknown> = { ...job }
    for (const [field, common] of COMMON_FIELDS) if (packed[field] === common) packed[field] = undefined
    return packed
  },
  unpack: (stored) => (isPackedJob(stored) ? { ...COMMON, ...stored } : stored),
}

function isPackedJob(stored: unknown): stored is Partial<JobRow> {
  return typeof stored === 'object' && stored !== null && JOB_STATES.includes((stored as JobRow).state)
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

function jobOf(id: string, value: unknown): StoredJob | UndecodableJob | null {
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
