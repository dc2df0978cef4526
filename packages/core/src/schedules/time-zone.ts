import { ScheduleInvalidError } from '../errors/sched-error.ts'

/** What a schedule without a time zone runs in: the same on every host. */
export const DEFAULT_TIME_ZONE = 'UTC'

/**
 * The name as it was given, when this host knows it as an IANA time zone. Throws SCHEDULE_INVALID.
 * It is not canonicalised: hosts with another edition of the time zone database would write another name for the same zone.
 */
export function checkTimeZone(name: unknown): string {
  if (typeof name === 'string' && /^\p{L}/u.test(name) && isKnown(name)) return name
  throw new ScheduleInvalidError(
    `time zone ${typeof name === 'string' ? JSON.stringify(name) : String(name)} is not known: use an IANA name such as "UTC", "Europe/Paris" or "America/New_York"`,
  )
}

function isKnown(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
