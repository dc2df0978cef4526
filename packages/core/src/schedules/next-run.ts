import type { ScheduleRecord, ScheduleType } from '../contracts/schedule-store.ts'
import { ScheduleInvalidError } from '../errors/sched-error.ts'
import { checkCron, nextCron } from './cron.ts'
import { checkInterval, nextInterval } from './interval.ts'
import { checkInstant, nextOnce } from './once.ts'
import { checkTimeZone, DEFAULT_TIME_ZONE } from './time-zone.ts'

/** When a schedule fires, as its record keeps it: checked and normalised. */
export type Timing = Pick<ScheduleRecord, 'scheduleType' | 'scheduleValue' | 'timeZone'>

/** When a schedule fires, as its user says it. */
export interface TimingOptions {
  readonly scheduleType: ScheduleType
  /**
   * `cron`: 5 or 6 fields, seconds first. `interval`: `'5m'` or milliseconds, at least 10. `once`: a Date, epoch milliseconds, or an ISO text
   * (without an offset: in `timeZone`). Of a cron with both day of month and weekday either suffices.
   *
   * When the clocks change, a cron whose second, minute and hour are one number each (`30 2 * * *`) fires once: at the first instant after
   * the gap that leaves it out (03:00 instead of 02:30), and in the first pass of an hour that comes twice. Any other (`30 1,2 * * *`,
   * `*\/30 2 * * *`) skips what falls into the gap and fires in both passes, so that day more or less often: for times that must run every day
   * make a schedule of each.
   */
  readonly scheduleValue: string | number | Date
  /** An IANA name; default UTC, the same on every host. */
  readonly timeZone?: string
}

/** Checks and normalises. Throws SCHEDULE_INVALID, naming the culprit. */
export function checkTiming(options: TimingOptions): Timing {
  const timeZone = checkTimeZone(options.timeZone ?? DEFAULT_TIME_ZONE)
  return { scheduleType: options.scheduleType, scheduleValue: checkValue(options, timeZone), timeZone }
}

/**
 * The first instant after `after` at which the schedule fires; null when there is none. Epoch milliseconds, always a whole number.
 * `anchor`: where intervals count from. Throws SCHEDULE_INVALID when this host does not understand what the record holds.
 */
export function nextRun(timing: Timing, anchor: number, after: number): number | null {
  switch (timing.scheduleType) {
    case 'cron':
      return nextCron(timing.scheduleValue as string, timing.timeZone, after)
    case 'interval':
      return nextInterval(timing.scheduleValue as number, anchor, after)
    case 'once':
      return nextOnce(timing.scheduleValue as number, after)
    default:
      throw unknownType(timing.scheduleType)
  }
}

/** Whether both fire at the same instants. */
export function sameTiming(a: Timing, b: Timing): boolean {
  return a.scheduleType === b.scheduleType && a.scheduleValue === b.scheduleValue && a.timeZone === b.timeZone
}

function checkValue(options: TimingOptions, timeZone: string): string | number {
  switch (options.scheduleType) {
    case 'cron':
      return checkCron(options.scheduleValue)
    case 'interval':
      return checkInterval(options.scheduleValue)
    case 'once':
      return checkInstant(options.scheduleValue, timeZone)
    default:
      throw unknownType(options.scheduleType)
  }
}

function unknownType(type: never): ScheduleInvalidError {
  return new ScheduleInvalidError(
    `scheduleType ${JSON.stringify(type)} is not one of "cron", "interval" and "once"`,
  )
}
