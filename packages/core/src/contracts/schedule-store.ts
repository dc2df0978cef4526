import type { JobOptions } from './job-record.ts'

export type ScheduleType = 'cron' | 'interval' | 'once'
export type ScheduleState = 'active' | 'inactive'

/** A named trigger of jobs, as it is stored. Instants are epoch milliseconds of the storage server. */
export interface ScheduleRecord {
  readonly name: string
  /** The type of the jobs it makes, and their payload: the schema's input. */
  readonly type: string
  readonly payload: unknown
  readonly scheduleType: ScheduleType
  /** A cron expression, an interval in ms, or an instant in epoch ms, normalised when it was written. */
  readonly scheduleValue: string | number
  /** IANA name. */
  readonly timeZone: string
  /** What its users want of it: one that has nothing left to fire, such as a `once` that fired, stays `active`, with `next` null. */
  readonly state: ScheduleState
  /** The one due instant that may fire; null: none is left, or inactive. Only grows, except when the schedule is changed or enabled. */
  readonly next: number | null
  /** The latest due instant that was started or passed over; `next` is always later. Null: none yet. Only grows. */
  readonly passed: number | null
  /** Another one at each change that its jobs must not outlive, and when it is enabled; part of the ids of its occurrences. Never repeats. */
  readonly version: string
  /** Where intervals are anchored. */
  readonly anchor: number
  readonly createdAt: number
  readonly updatedAt: number
  /** How its jobs are enqueued: priority, maxRetries, …; and its policies. */
  readonly options: JobOptions
  readonly rev: number
}

/**
 * Schedules and their last execution, on top of IStorageEngine. `list` answers *never written* (null; also after `purge`: then
 * schedules from configuration are loaded) apart from *empty* ([]), by a marker record.
 */
export interface ScheduleStore {
  /** Adds, or replaces by name. */
  add(schedule: ScheduleRecord): Promise<void>
  /** A missing name is no error. */
  delete(name: string): Promise<void>
  get(name: string): Promise<ScheduleRecord | null>
  /** Null: never written, or purged. */
  list(): Promise<readonly ScheduleRecord[] | null>
  /** Replaces an existing one. Where it is missing, callers delete and add (`updateSchedule` does). */
  update?(schedule: ScheduleRecord): Promise<void>
  /** Throws SCHEDULE_NOT_FOUND. */
  setState(name: string, state: ScheduleState): Promise<void>
  /** Stores `schedule` (rev = expectedRev + 1) iff the stored rev is `expectedRev`; null: iff there is none. Resolves to whether it did. */
  compareAndSet(name: string, expectedRev: number | null, schedule: ScheduleRecord): Promise<boolean>
  /** The latest due instant that ran, epoch ms; null: unknown — then the schedule runs at the next applicable time. */
  lastExecution(name: string): Promise<number | null>
  /** Only grows: an earlier instant changes nothing. */
  setLastExecution(name: string, due: number): Promise<void>
  /** Back to *never written*: every schedule, every last execution, and the marker are gone. */
  purge(): Promise<void>
}
