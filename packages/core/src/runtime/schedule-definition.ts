/** What a schedule's record becomes when its user creates, changes, enables or disables it. Pure: the record and an instant in, the record out. */
import type { JobOptions } from '../contracts/job-record.ts'
import type { ScheduleRecord, ScheduleState } from '../contracts/schedule-store.ts'
import { ScheduleInvalidError } from '../errors/sched-error.ts'
import { checkTiming, nextRun, sameTiming, type Timing, type TimingOptions } from '../schedules/next-run.ts'
import { copyValue, equalValues } from '../values/codec.ts'

export interface ScheduleOptions extends TimingOptions {
  /** Left out: a new schedule is active, an existing one stays as it is, so that a deployment does not enable what an operator disabled. */
  readonly enabled?: boolean
  /** How its jobs are enqueued (priority, maxRetries, …): passed on to the job maker as it is. */
  readonly jobOptions?: JobOptions
}

/** A checked definition. */
export interface ScheduleDefinition {
  readonly name: string
  readonly type: string
  readonly payload: unknown
  readonly timing: Timing
  readonly enabled: boolean | undefined
  readonly options: JobOptions
}

/** Checks and copies. Throws SCHEDULE_INVALID, VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function defineSchedule(
  name: string,
  type: string,
  payload: unknown,
  options: ScheduleOptions,
): ScheduleDefinition {
  return {
    name,
    type,
    payload: copyValue(payload ?? null, { root: 'payload' }),
    timing: checkTiming(options),
    enabled: options.enabled,
    options: copyValue({ job: options.jobOptions ?? {} }, { root: 'options' }),
  }
}

/** How the jobs of a schedule are enqueued. */
export function jobOptionsOf(schedule: ScheduleRecord): JobOptions {
  return (schedule.options.job as JobOptions | undefined) ?? {}
}

interface Moment {
  /** The version the record takes if it takes another one. */
  readonly version: string
  /** Epoch milliseconds of the storage server. */
  readonly now: number
  readonly staleAgeMs: number
}

/** The record of a new schedule. Throws SCHEDULE_INVALID when its one instant lies too far in the past to run. */
export function createdSchedule(definition: ScheduleDefinition, moment: Moment): ScheduleRecord {
  const now = Math.round(moment.now)
  const state = definition.enabled === false ? 'inactive' : 'active'
  const first = firstRun(definition, { anchor: now, passed: null }, moment)
  return {
    ...formOf(definition),
    name: definition.name,
    state,
    next: state === 'active' ? first : null,
    passed: null,
    version: moment.version,
    anchor: now,
    createdAt: now,
    updatedAt: now,
    rev: 0,
  }
}

/**
 * The record an existing schedule becomes, or undefined when it is as defined already. A new timing, or being enabled, sets `next` to
 * the first instant after now, never at or before one that was passed; any other change leaves it where it is.
 */
export function changedSchedule(
  stored: ScheduleRecord,
  definition: ScheduleDefinition,
  moment: Moment,
): ScheduleRecord | undefined {
  const state = definition.enabled === undefined ? stored.state : definition.enabled ? 'active' : 'inactive'
  const retimed = !sameTiming(stored, definition.timing)
  const otherJobs = stored.type !== definition.type || !equalValues(stored.options, definition.options)
  const otherPayload = !equalValues(stored.payload, definition.payload)
  if (state === stored.state && !retimed && !otherJobs && !otherPayload) return undefined

  const enabled = state === 'active' && stored.state !== 'active'
  const anchor = retimed ? Math.round(moment.now) : stored.anchor
  const changed: ScheduleRecord = {
    ...stored,
    ...formOf(definition),
    state,
    anchor,
    version: retimed || otherJobs || enabled ? moment.version : stored.version,
    updatedAt: Math.round(moment.now),
  }
  if (state === 'inactive') return { ...changed, next: null }
  if (retimed) return { ...changed, next: firstRun(definition, { anchor, passed: stored.passed }, moment) }
  return enabled ? { ...changed, next: nextAfter(changed, moment.now) } : changed
}

/** The record with the state changed, or undefined when it is in that state already. */
export function switchedSchedule(
  stored: ScheduleRecord,
  state: ScheduleState,
  { now, version }: Omit<Moment, 'staleAgeMs'>,
): ScheduleRecord | undefined {
  if (stored.state === state) return undefined
  const switched = { ...stored, state, updatedAt: Math.round(now) }
  if (state === 'inactive') return { ...switched, next: null }
  return { ...switched, version, next: nextAfter(stored, now) }
}

/** The record with `due` passed: a `next` that is not behind it becomes the first instant after both `due` and `after`. */
export function advancedSchedule(stored: ScheduleRecord, due: number, after: number = due): ScheduleRecord {
  const behind = stored.next === null || stored.next > due
  return {
    ...stored,
    passed: due,
    next: behind ? stored.next : nextRun(stored, stored.anchor, Math.max(due, after)),
  }
}

/** The first instant after `now` that was not passed yet. */
export function nextAfter(schedule: ScheduleRecord, now: number): number | null {
  return nextRun(schedule, schedule.anchor, Math.max(now, schedule.passed ?? Number.NEGATIVE_INFINITY))
}

function formOf(
  definition: ScheduleDefinition,
): Timing & Pick<ScheduleRecord, 'type' | 'payload' | 'options'> {
  const { type, payload, options, timing } = definition
  return { type, payload, options, ...timing }
}

/** An instant that has just gone by still runs, as a missed run would; one older than `staleAgeMs` is a mistake. */
function firstRun(
  { name, timing }: ScheduleDefinition,
  { anchor, passed }: { anchor: number; passed: number | null },
  { now, staleAgeMs }: Omit<Moment, 'version'>,
): number | null {
  const floor = passed ?? Number.NEGATIVE_INFINITY
  if (timing.scheduleType !== 'once') return nextRun(timing, anchor, Math.max(now, floor))
  const instant = timing.scheduleValue as number
  if (now - instant > staleAgeMs) {
    throw new ScheduleInvalidError(
      `schedule "${name}" never fires: once ${new Date(instant).toISOString()} is more than ${staleAgeMs} ms (scheduledJobMaxStaleAge) ago`,
    )
  }
  return nextRun(timing, anchor, floor)
}
