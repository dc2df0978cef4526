/** The checks of what a job store is called with. Each names the argument and what it accepts; each throws INVALID_ARGUMENT. */
import { PRIORITY_MAX, PRIORITY_MIN } from '../contracts/broker-engine.ts'
import { FINAL_STATES, JOB_STATES, type JobState } from '../contracts/job-record.ts'
import {
  type ClaimRequest,
  type JobChange,
  type JobQuery,
  MAX_BATCH,
  type NewJob,
  type Outcome,
  type SweepLimits,
  type WorkerReport,
} from '../contracts/job-store.ts'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { type CodecOptions, checkName, checkText, copyValue, encodeValue } from '../values/codec.ts'

/** A job as it may be stored: checked, its values copied. Throws INVALID_ARGUMENT, VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function checkedJob(job: NewJob): NewJob {
  checkJob(job)
  return {
    ...job,
    payload: copyValue(job.payload, { root: 'payload' }),
    ...(job.options ? { options: copyValue(job.options, { root: 'options' }) } : {}),
  }
}

/** The text form of a job's payload. Throws VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function payloadText(job: NewJob, options: CodecOptions): string {
  return job.payloadText === undefined
    ? encodeValue(job.payload, options)
    : checkText(job.payloadText, options)
}

/** Everything of a job but its payload and options, which are checked when they are copied or encoded. Throws INVALID_ARGUMENT. */
export function checkJob(job: NewJob): void {
  checkName(job.id, 'id')
  checkName(job.type, 'type')
  if (!Number.isInteger(job.priority) || job.priority < PRIORITY_MIN || job.priority > PRIORITY_MAX) {
    throw new InvalidArgumentError(
      `priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${String(job.priority)}`,
    )
  }
  if (job.delayMs !== undefined && job.runAt !== undefined)
    throw new InvalidArgumentError('give delayMs or runAt, not both')
  checkOptional(job.delayMs, 'delayMs', checkDuration)
  checkOptional(job.expiresInMs, 'expiresInMs', checkDuration)
  checkOptional(job.rememberMs, 'rememberMs', checkDuration)
  checkOptional(job.runAt, 'runAt', checkInstant)
  checkOptional(job.expiresAt, 'expiresAt', checkInstant)
  checkOptional(job.maxRetries, 'maxRetries', checkCount)
  checkOptional(job.maxCrashes, 'maxCrashes', checkCount)
  checkOptional(job.entityId, 'entityId', checkName)
  if (job.delivery !== undefined && job.delivery !== 'at-least-once' && job.delivery !== 'at-most-once')
    throw new InvalidArgumentError(
      `delivery must be at-least-once or at-most-once, not ${String(job.delivery)}`,
    )
  if (job.occurrence) {
    checkName(job.occurrence.schedule, 'occurrence.schedule')
    checkInstant(job.occurrence.due, 'occurrence.due')
  }
  if (job.retention) checkRetention(job.retention)
}

function checkRetention(retention: NonNullable<NewJob['retention']>): void {
  for (const state of FINAL_STATES) {
    const keep = retention[state]
    if (!keep) continue
    checkOptional(keep.ageMs, `retention.${state}.ageMs`, checkDuration)
    checkOptional(keep.count, `retention.${state}.count`, checkCount)
  }
}

/** Throws for an id named twice or an outcome that is none, and VALUE_* for a result that cannot be stored: nothing was changed yet. */
export function checkOutcomes(outcomes: readonly Outcome[]): void {
  const ids = new Set<string>()
  for (const [index, outcome] of outcomes.entries()) {
    const root = `outcomes[${index}]`
    if (ids.has(outcome.id))
      throw new InvalidArgumentError(`outcomes must name each job once, and ${outcome.id} is named twice`)
    ids.add(outcome.id)
    switch (outcome.kind) {
      case 'complete':
        checkOptional(outcome.durationMs, `${root}.durationMs`, checkDuration)
        if (outcome.result !== undefined) copyValue(outcome.result, { root: `${root}.result` })
        break
      case 'retry':
      case 'snooze':
        checkDuration(outcome.delayMs, `${root}.delayMs`)
        break
      case 'fail':
      case 'cancel':
      case 'release':
        break
      default:
        throw new InvalidArgumentError(
          `${root}.kind must be complete, retry, fail, cancel, release or snooze, not ${String((outcome as Outcome).kind)}`,
        )
    }
  }
}

export function checkClaimRequest(want: ClaimRequest): void {
  checkName(want.worker, 'want.worker')
  checkCount(want.limit, 'want.limit', MAX_BATCH)
  for (const { type, limit, maxActive } of want.types) {
    checkName(type, 'want.types.type')
    checkOptional(limit, 'want.types.limit', checkCount)
    checkOptional(maxActive, 'want.types.maxActive', checkPositive)
  }
}

export function checkWorkerReport(report: WorkerReport): void {
  checkName(report.id, 'worker.id')
  checkPositive(report.leaseMs, 'worker.leaseMs')
  checkOptional(report.claimGraceMs, 'worker.claimGraceMs', checkDuration)
}

export function checkSweepLimits(limits: SweepLimits): void {
  checkOptional(limits.limit, 'limit', checkPositive)
  checkOptional(limits.graceMs, 'graceMs', checkDuration)
}

export function checkChange(change: JobChange): void {
  switch (change.kind) {
    case 'cancel':
      checkOptional(change.reason, 'reason', checkReason)
      return
    case 'retry':
    case 'promote':
    case 'discard':
      return
    case 'reschedule':
      if ((change.runAt === undefined) === (change.delayMs === undefined))
        throw new InvalidArgumentError('reschedule takes either runAt or delayMs')
      checkOptional(change.runAt, 'runAt', checkInstant)
      checkOptional(change.delayMs, 'delayMs', checkDuration)
      return
    default:
      throw new InvalidArgumentError(
        `a change is cancel, retry, promote, reschedule or discard, not ${String((change as JobChange).kind)}`,
      )
  }
}

const DEFAULT_PAGE = 100

/** The query's limit and states, defaults filled in. */
export function checkedQuery(query: JobQuery): {
  readonly limit: number
  readonly states: readonly JobState[]
} {
  const { limit = DEFAULT_PAGE, state } = query
  checkCount(limit, 'limit', MAX_BATCH)
  checkOptional(query.type, 'type', checkName)
  checkOptional(query.entityId, 'entityId', checkName)
  checkOptional(query.schedule, 'schedule', checkName)
  const states = state === undefined ? JOB_STATES : typeof state === 'string' ? [state] : state
  for (const name of states) {
    if (!JOB_STATES.includes(name))
      throw new InvalidArgumentError(`state must be one of ${JOB_STATES.join(', ')}, not ${String(name)}`)
  }
  return { limit, states }
}

type Check = (value: unknown, what: string) => void

function checkOptional(value: unknown, what: string, check: Check): void {
  if (value !== undefined) check(value, what)
}

/** Longest reason of a cancellation, in bytes of UTF-8. */
const MAX_REASON_BYTES = 8_192

/** Every store keeps such a text as it is; of others each would make something else. */
function checkReason(reason: unknown, what: string): void {
  if (reason !== '') checkName(reason, what, MAX_REASON_BYTES)
}

function checkDuration(value: unknown, what: string): void {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError(
      `${what} must be a number of milliseconds, 0 or more, not ${String(value)}`,
    )
}

function checkInstant(value: unknown, what: string): void {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new InvalidArgumentError(`${what} must be an instant in epoch milliseconds, not ${String(value)}`)
}

function checkCount(value: unknown, what: string, max: number = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > max)
    throw new InvalidArgumentError(`${what} must be an integer from 0 to ${max}, not ${String(value)}`)
}

function checkPositive(value: unknown, what: string): void {
  if (!Number.isSafeInteger(value) || (value as number) <= 0)
    throw new InvalidArgumentError(`${what} must be a positive integer, not ${String(value)}`)
}
