import { InvalidArgumentError, ScheduleInvalidError } from '../errors/sched-error.ts'
import { parseDuration } from '../values/duration.ts'

/** Below this an occurrence costs more than it waits. */
const MIN_INTERVAL_MS = 10

/** Milliseconds between two occurrences, from `'5m'` or a number of milliseconds; at least 10. Throws SCHEDULE_INVALID. */
export function checkInterval(value: unknown): number {
  let ms: number
  try {
    ms = parseDuration(value as string | number, 'interval')
  } catch (cause) {
    if (cause instanceof InvalidArgumentError) throw new ScheduleInvalidError(cause.message, { cause })
    throw cause
  }
  if (ms < MIN_INTERVAL_MS)
    throw new ScheduleInvalidError(`interval ${JSON.stringify(value)} is shorter than ${MIN_INTERVAL_MS} ms`)
  return ms
}

/**
 * The first of `anchor` + k × `everyMs` (k = 1, 2, …) after `after`; all in (epoch) milliseconds. Free of drift: a late run never moves
 * the following ones. Null beyond what a Date can hold.
 */
export function nextInterval(everyMs: number, anchor: number, after: number): number | null {
  const steps = Math.max(1, Math.floor((after - anchor) / everyMs) + 1)
  const next = anchor + steps * everyMs
  return next <= MAX_INSTANT ? next : null
}

/** The last instant of a Date, epoch milliseconds. */
const MAX_INSTANT = 8_640_000_000_000_000
