import { InvalidArgumentError } from '../errors/sched-error.ts'
import type { TimingOptions } from '../schedules/next-run.ts'
import { copyValue } from '../values/codec.ts'
import { checkFlag, checkOptions } from '../values/known-options.ts'
import { type JobOverrides, ONE_JOB_OPTIONS, SCHEDULED_OPTIONS } from './enqueue-options.ts'
import { checkPayload } from './enqueuer.ts'
import { scheduledOptions } from './record-builder.ts'
import type { RegisteredJob } from './registry.ts'
import type { ScheduleOptions } from './schedule-definition.ts'

/** When a schedule fires, and how its jobs are enqueued. */
export interface ScheduleJobOptions extends TimingOptions, JobOverrides {
  /** Left out: a new schedule is active, an existing one stays as it is. */
  readonly enabled?: boolean
}

const KNOWN: ReadonlySet<string> = new Set([
  'scheduleType',
  'scheduleValue',
  'timeZone',
  'enabled',
  ...SCHEDULED_OPTIONS,
])

/** Checks what `schedule` was called with. Rejects PAYLOAD_INVALID, INVALID_ARGUMENT. */
export async function schedulePut(
  registered: RegisteredJob,
  name: string,
  payload: unknown,
  options: ScheduleJobOptions,
): Promise<{ readonly registered: RegisteredJob; readonly stored: ScheduleOptions }> {
  const what = `schedule("${name}")`
  if (typeof options !== 'object' || options === null)
    throw new InvalidArgumentError(`${what} needs { scheduleType, scheduleValue, … }`)
  for (const key of ONE_JOB_OPTIONS)
    if ((options as unknown as Record<string, unknown>)[key] !== undefined)
      throw new InvalidArgumentError(`${what}: "${key}" is for one job, not for a schedule`)
  checkOptions(options, KNOWN, what)
  checkFlag(options.enabled, `${what}: enabled`)
  await checkPayload(registered, payload)
  const { scheduleType, scheduleValue, timeZone, enabled } = options
  return {
    registered,
    stored: {
      scheduleType,
      scheduleValue,
      ...(timeZone !== undefined && { timeZone }),
      ...(enabled !== undefined && { enabled }),
      jobOptions: copyValue({ ...scheduledOptions(registered, options, what) }),
    },
  }
}
