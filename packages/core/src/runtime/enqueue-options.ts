import type { Delivery, JobOptions, Retention } from '../contracts/job-record.ts'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { readStoredBackoff, type StoredBackoffStrategy } from '../policies/backoff.ts'
import { checkName, MAX_USER_NAME_BYTES } from '../values/codec.ts'
import { parseDuration } from '../values/duration.ts'
import { show } from '../values/show.ts'
import { OCCURRENCE_PREFIX } from './occurrence.ts'
import { checkMaxRetries, checkPriority, readLimit } from './registry.ts'

/** How the jobs of a schedule are enqueued; what is left out comes from the definition. Durations: milliseconds, or texts such as `5m`. */
export interface JobOverrides {
  /** −20 (lowest) … 20 (highest). */
  readonly priority?: number
  readonly maxRetries?: number
  /** A function cannot be stored with a job: give it to the definition. */
  readonly backoffStrategy?: StoredBackoffStrategy
  /** Whom or what the job is about; `listJobs` finds by it. */
  readonly entityId?: string
  /** Not started so long after it was enqueued: it fails with reason `expired` and never runs. Wins over `expiresAt`. */
  readonly expiresIn?: number | string
  readonly timeout?: number | string
  readonly stallTimeout?: number | string
}

export interface EnqueueOptions extends JobOverrides {
  /** Not started by then: it fails with reason `expired` and never runs. A Date, or epoch milliseconds. */
  readonly expiresAt?: Date | number
  /** Due so long from now. At most one of `delay` and `runAt`; default: due now. */
  readonly delay?: number | string
  /** Due then; an instant in the past counts as now. A Date, or epoch milliseconds. */
  readonly runAt?: Date | number
  /**
   * The job's id; the same id again is the same job, for at least 10 minutes after it ended: nothing is stored then, and it resolves to the id,
   * also when type, payload or options are others. Ids are shared by all types. Default: a UUIDv7.
   */
  readonly id?: string
  /** Enqueue inside this open transaction (a pg client, a Mongo session), where the adapters can. */
  readonly tx?: unknown
}

/** The checked form of {@link JobOverrides}. A small JSON object. */
export interface CheckedOverrides {
  readonly priority?: number
  readonly maxRetries?: number
  readonly entityId?: string
  readonly expiresInMs?: number
  /** What travels to the worker that runs the job; see `AttemptOptions`. */
  readonly attempt?: JobOptions
}

/**
 * What a schedule stores: everything its jobs need, the definition's part included, because whoever moves a schedule on may not have the
 * definition. A small JSON object.
 */
export interface ScheduledOptions extends CheckedOverrides {
  readonly priority: number
  readonly maxRetries: number
  readonly delivery: Delivery
  readonly retention?: Retention
}

const OVERRIDES = [
  'priority',
  'maxRetries',
  'backoffStrategy',
  'entityId',
  'expiresIn',
  'timeout',
  'stallTimeout',
] as const
const TIMES = ['expiresAt', 'delay', 'runAt', 'id'] as const

/** What `enqueue` takes, an item of `enqueueMany`, and `enqueueMany` beside its items. */
export const ENQUEUE_OPTIONS: ReadonlySet<string> = new Set([...OVERRIDES, ...TIMES, 'tx'])
export const ITEM_OPTIONS: ReadonlySet<string> = new Set(['payload', ...OVERRIDES, ...TIMES])
export const BATCH_OPTIONS: ReadonlySet<string> = new Set(['tx'])
/** What a schedule's jobs may have; what is for one job is refused by name. */
export const SCHEDULED_OPTIONS: readonly string[] = OVERRIDES
export const ONE_JOB_OPTIONS: readonly string[] = [...TIMES, 'tx']

/** Throws INVALID_ARGUMENT. */
export function readOverrides(options: JobOverrides, what: string): CheckedOverrides {
  const { priority, maxRetries, entityId, expiresIn } = options
  if (entityId !== undefined) checkName(entityId, `${what}: entityId`, MAX_USER_NAME_BYTES)
  const attempt = readAttemptOptions(options, what)
  return {
    ...(priority !== undefined && { priority: checkPriority(priority, what) }),
    ...(maxRetries !== undefined && { maxRetries: checkMaxRetries(maxRetries, what) }),
    ...(entityId !== undefined && { entityId }),
    ...(expiresIn !== undefined && { expiresInMs: readDelay(expiresIn, `${what}: expiresIn`) }),
    ...(attempt && { attempt }),
  }
}

function readAttemptOptions(options: JobOverrides, what: string): JobOptions | undefined {
  const { backoffStrategy, timeout, stallTimeout } = options
  if (backoffStrategy === undefined && timeout === undefined && stallTimeout === undefined) return undefined
  return {
    ...(backoffStrategy !== undefined && {
      backoff: readStoredBackoff(backoffStrategy, `${what}: backoffStrategy`),
    }),
    ...(timeout !== undefined && { timeout: readLimit(timeout, `${what}: timeout`) }),
    ...(stallTimeout !== undefined && { stallTimeout: readLimit(stallTimeout, `${what}: stallTimeout`) }),
  }
}

/** The last instant of a Date, epoch milliseconds, and the longest wait that surely ends before it. */
export const MAX_INSTANT = 8.64e15
const MAX_DELAY_MS = 8.6e15

/** A wait in milliseconds from now. Throws INVALID_ARGUMENT, also when no Date can hold its end. */
export function readDelay(value: number | string, what: string): number {
  const ms = parseDuration(value, what)
  if (ms <= MAX_DELAY_MS) return ms
  throw new InvalidArgumentError(`${what}: ${show(value)} is longer than a Date can tell`)
}

/** An instant in epoch milliseconds. Throws INVALID_ARGUMENT. */
export function readInstant(value: Date | number, what: string): number {
  const ms = value instanceof Date ? value.getTime() : value
  if (typeof ms === 'number' && Number.isFinite(ms) && Math.abs(ms) <= MAX_INSTANT) return Math.round(ms)
  throw new InvalidArgumentError(`${what} must be a valid Date or epoch milliseconds, not ${show(value)}`)
}

/** Throws INVALID_ARGUMENT. */
export function checkJobId(id: string, what: string): string {
  checkName(id, `${what}: id`, MAX_USER_NAME_BYTES)
  if (id.startsWith(OCCURRENCE_PREFIX))
    throw new InvalidArgumentError(
      `${what}: id must not begin with "${OCCURRENCE_PREFIX}", which is for schedules`,
    )
  return id
}
