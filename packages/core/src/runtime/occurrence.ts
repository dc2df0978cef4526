import { randomBytes } from 'node:crypto'
import type { JobRecord } from '../contracts/job-record.ts'
import type { ClaimedJob } from '../contracts/job-store.ts'
import type { ScheduleRecord } from '../contracts/schedule-store.ts'
import type { Fenced } from '../store/schedule-fencing.ts'

/** Ids of occurrences start with it; ids that callers choose must not. */
export const OCCURRENCE_PREFIX = 'occurrence:'
const RUN_NOW_PREFIX = `${OCCURRENCE_PREFIX}now:`

/** A version no schedule had before: 72 random bits in 12 characters. */
export function newVersion(): string {
  return randomBytes(9).toString('base64url')
}

/**
 * The id of the job that fires `schedule` at `due`. The name comes last, so that no name can imitate another's ids; the version is in
 * it, so that a job of an earlier form is never taken for one of the present form.
 */
export function occurrenceId(schedule: Pick<ScheduleRecord, 'name' | 'version'>, due: number): string {
  return `${OCCURRENCE_PREFIX}${schedule.version}:${due}:${schedule.name}`
}

/** The id of a job that somebody asked for by hand: it fires whatever the schedule says. */
export function runNowId(unique: string, name: string): string {
  return `${RUN_NOW_PREFIX}${unique}:${name}`
}

export function isRunNow(jobId: string): boolean {
  return jobId.startsWith(RUN_NOW_PREFIX)
}

/** The storage namespace of {@link StartMark}s, by {@link markId}. */
export const STARTED = 'occurrence'

/**
 * That a job started the occurrence (schedule, due). Whoever finds its own mark goes on after a redelivery, although the schedule has
 * moved on. It names the job by id and creation, so that a job revived under a forgotten id is not taken for the one that started.
 */
export interface StartMark extends Fenced {
  readonly job: string
  readonly jobCreatedAt: number
  readonly createdAt: number
}

export function markId(name: string, due: number): string {
  return `${due}:${name}`
}

export function isMarkOf(mark: StartMark, job: ClaimedJob): boolean {
  return mark.job === job.id && mark.jobCreatedAt === job.createdAt
}

/** Whether the job waits or runs. */
export function isOpen(job: JobRecord | null | undefined): boolean {
  return job?.state === 'pending' || job?.state === 'running'
}
