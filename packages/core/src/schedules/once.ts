import { Cron } from 'croner'
import { ScheduleInvalidError } from '../errors/sched-error.ts'

/** A date, or a date and a time, with or without an offset. */
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/**
 * An exact instant in epoch milliseconds, from a Date, epoch milliseconds, or an ISO 8601 text. A text without an offset is a wall
 * clock time in `timeZone`: in a gap it moves on by the length of the gap, and of two passes it means the first. Throws SCHEDULE_INVALID.
 */
export function checkInstant(value: unknown, timeZone: string): number {
  const ms =
    value instanceof Date
      ? value.getTime()
      : typeof value === 'number'
        ? Math.round(value)
        : typeof value === 'string'
          ? parseIso(value.trim(), timeZone)
          : Number.NaN
  if (Number.isNaN(new Date(ms).getTime())) {
    throw new ScheduleInvalidError(
      `once ${typeof value === 'string' ? JSON.stringify(value) : String(value)} is no instant: use a Date, epoch milliseconds, or a text such as "2030-01-31T09:00:00Z"`,
    )
  }
  return ms
}

/** The instant, unless it is at or before `after`. */
export function nextOnce(instant: number, after: number): number | null {
  return instant > after ? instant : null
}

function parseIso(text: string, timeZone: string): number {
  const match = ISO.exec(text)
  if (!match) return Number.NaN
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', offset] = match
  const wall = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  // Date.UTC rolls 30 February over into March; a text that names no day of the calendar is a mistake
  const utc = new Date(`${wall}Z`)
  if (Number.isNaN(utc.getTime()) || utc.toISOString().slice(0, 19) !== wall) return Number.NaN
  const ms = Math.floor(Number(`0.${fraction || '0'}`) * 1000)
  if (offset !== undefined) return Date.parse(`${wall}${offset}`) + ms
  return new Cron(wall, { timezone: timeZone, paused: true, allowPast: true }).getOnce()!.getTime() + ms
}
