import type { JobRecord } from '../contracts/job-record.ts'
import { type JobStore, MAX_BATCH, type NewJob } from '../contracts/job-store.ts'
import type { ScheduleRecord, ScheduleStore } from '../contracts/schedule-store.ts'
import type { Logger } from '../telemetry/logger.ts'
import { isOpen, newVersion, occurrenceId } from './occurrence.ts'
import { advancedSchedule, nextAfter } from './schedule-definition.ts'

export interface ScheduleSweep {
  readonly store: ScheduleStore
  readonly jobs: Pick<JobStore, 'insert' | 'get'>
  readonly logger: Logger
  readonly now: () => number
  readonly jobOf: (schedule: ScheduleRecord, due: number) => NewJob
}

export interface ScheduleSweepReport {
  /** Occurrences inserted that were missing. */
  readonly inserted: number
  /** Schedules moved past an occurrence that was over (cancelled, say), or given a next instant they lacked. */
  readonly advanced: number
  /** Old marks deleted. */
  readonly marks: number
}

type Due = ScheduleRecord & { readonly next: number }

/** One round over every active schedule. What fails for one schedule is logged and does not keep the others. */
export async function sweepSchedules(sweep: ScheduleSweep): Promise<Omit<ScheduleSweepReport, 'marks'>> {
  const active = ((await sweep.store.list()) ?? []).filter((schedule) => schedule.state === 'active')
  let inserted = 0
  let advanced = 0
  for (let from = 0; from < active.length; from += MAX_BATCH) {
    const part = active.slice(from, from + MAX_BATCH)
    const waiting = part.filter((schedule): schedule is Due => schedule.next !== null)
    // activated by hand, or by a store that only sets the state; a schedule with nothing left stays as it is
    const moved = await moveOn(
      sweep,
      part.filter((schedule) => schedule.next === null),
      (schedule) => {
        const now = sweep.now()
        const next = nextAfter(schedule, now)
        return next === null
          ? undefined
          : { ...schedule, next, version: newVersion(), updatedAt: Math.round(now) }
      },
    )
    const missing = await insertMissing(sweep, waiting)
    const past = await moveOn(sweep, missing.over, (schedule) => advancedSchedule(schedule, schedule.next!))
    const late = await moveOn(sweep, missing.expired, (schedule) =>
      advancedSchedule(schedule, schedule.next!, sweep.now()),
    )
    const follow = await insertMissing(sweep, [...moved, ...past, ...late].filter(hasNext))
    inserted += missing.inserted + follow.inserted
    advanced += moved.length + past.length + late.length
  }
  return { inserted, advanced }
}

interface Missing {
  readonly inserted: number
  /** Whose occurrence is over, also when only its id is remembered. */
  readonly over: readonly Due[]
  /** Whose occurrence expired before anybody started it: what else is late would expire as well. */
  readonly expired: readonly Due[]
}

/** Inserts the occurrences that are not there. */
async function insertMissing(sweep: ScheduleSweep, schedules: readonly Due[]): Promise<Missing> {
  if (schedules.length === 0) return { inserted: 0, over: [], expired: [] }
  const records = await recordsOf(sweep, schedules)
  const over: Due[] = []
  const expired: Due[] = []
  const absent: { schedule: Due; job: NewJob }[] = []
  for (const [i, schedule] of schedules.entries()) {
    const record = records[i] ?? null
    if (record === null) {
      const job = attempt(sweep, schedule, () => sweep.jobOf(schedule, schedule.next))
      if (job) absent.push({ schedule, job })
    } else if (record.reason === 'expired') expired.push(schedule)
    else if (!isOpen(record)) over.push(schedule)
  }
  if (absent.length === 0) return { inserted: 0, over, expired }

  const answers = await sweep.jobs.insert(absent.map(({ job }) => job))
  const known: Due[] = []
  for (const [i, { schedule }] of absent.entries()) {
    const answer = answers[i]
    if (answer instanceof Error) report(sweep, schedule, answer)
    if (answer === 'exists') known.push(schedule)
  }
  const again = known.length === 0 ? [] : await recordsOf(sweep, known)
  over.push(...known.filter((_, i) => !isOpen(again[i])))
  return { inserted: answers.filter((answer) => answer === 'inserted').length, over, expired }
}

function recordsOf(
  { jobs }: ScheduleSweep,
  schedules: readonly Due[],
): Promise<readonly (JobRecord | null)[]> {
  return jobs.get(schedules.map((schedule) => occurrenceId(schedule, schedule.next)))
}

/** Writes what `change` makes of each, unless somebody else changed it meanwhile; resolves to those written. */
async function moveOn(
  sweep: ScheduleSweep,
  schedules: readonly ScheduleRecord[],
  change: (schedule: ScheduleRecord) => ScheduleRecord | undefined,
): Promise<ScheduleRecord[]> {
  const answers = await Promise.all(
    schedules.map(async (schedule) => {
      const changed = attempt(sweep, schedule, () => change(schedule))
      if (!changed || !(await sweep.store.compareAndSet(schedule.name, schedule.rev, changed))) return []
      return [{ ...changed, rev: schedule.rev + 1 }]
    }),
  )
  return answers.flat()
}

/** What this host cannot make sense of (a time zone it lacks, a form a later version wrote) must not keep the other schedules. */
function attempt<T>(sweep: ScheduleSweep, schedule: ScheduleRecord, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    report(sweep, schedule, error)
    return undefined
  }
}

function hasNext(schedule: ScheduleRecord): schedule is Due {
  return schedule.next !== null
}

function report({ logger }: ScheduleSweep, schedule: ScheduleRecord, error: unknown): void {
  logger.error(`schedule "${schedule.name}" cannot be moved on`, { schedule: schedule.name, error })
}
