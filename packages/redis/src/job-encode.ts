/** A new job as text. */
import {
  checkName,
  DEFAULT_MAX_CRASHES,
  encodeValue,
  type FinalState,
  InvalidArgumentError,
  type Keep,
  type NewJob,
  PRIORITY_MAX,
  PRIORITY_MIN,
  payloadText,
  REMEMBER_MS,
} from '@sched/core/adapter'
import { type Extras, priorityText } from './job-codec.ts'

export interface EncodedJob {
  readonly id: string
  /** True: no store has seen the id before. False: that was so for the first call, and this is the second. */
  readonly fresh: boolean | undefined
  readonly head: string
  readonly rest: string
  /** Empty: now. `+ms` from the server's now, or `@instant`. */
  readonly due: string
  /** Empty: never. */
  readonly expires: string
}

/** What the jobs that are alike have in common; those that came last. */
let common: { readonly alike: object; readonly head: string } | undefined

/** Throws INVALID_ARGUMENT, VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function encodeJob(job: NewJob, maxBytes: number): EncodedJob {
  const { id, fresh, alike } = job
  // else the runtime made it
  if (fresh === undefined) checkName(id, 'job.id')
  const payload = payloadText(job, { root: 'job.payload', maxBytes })
  if (alike !== undefined && alike === common?.alike)
    return { id, fresh, head: common.head, rest: payload, due: '', expires: '' }
  const head = headOf(job)
  if (alike !== undefined && isBare(job)) common = { alike, head }
  return {
    id,
    fresh,
    head,
    rest: extrasText(job) + payload,
    due: dueText(job),
    expires: instantText(
      job.expiresInMs,
      'job.expiresInMs',
      job.expiresInMs === undefined ? job.expiresAt : undefined,
      'job.expiresAt',
    ),
  }
}

/** Nothing of it is its own but the payload. */
function isBare(job: NewJob): boolean {
  return (
    job.delayMs === undefined &&
    job.runAt === undefined &&
    job.expiresInMs === undefined &&
    job.expiresAt === undefined &&
    job.entityId === undefined &&
    job.occurrence === undefined &&
    job.options === undefined
  )
}

let latest: { readonly job: NewJob; readonly head: string } | undefined

/** Jobs of one type come together and share their settings: the head of the one before is most often this one's. */
function headOf(job: NewJob): string {
  if (latest !== undefined && haveOneHead(latest.job, job)) return latest.head
  checkName(job.type, 'job.type')
  const { priority } = job
  if (!Number.isInteger(priority) || priority < PRIORITY_MIN || priority > PRIORITY_MAX) {
    throw new InvalidArgumentError(
      `job.priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${String(priority)}`,
    )
  }
  const head = `${priorityText(job.priority)}${settingsText(job)};${job.type}`
  latest = {
    job: { ...job, payload: null, ...(job.retention && { retention: structuredClone(job.retention) }) },
    head,
  }
  return head
}

function haveOneHead(a: NewJob, b: NewJob): boolean {
  return (
    a.type === b.type &&
    a.priority === b.priority &&
    haveOneKeep(a.retention?.completed, b.retention?.completed) &&
    haveOneKeep(a.retention?.failed, b.retention?.failed) &&
    haveOneKeep(a.retention?.cancelled, b.retention?.cancelled) &&
    a.rememberMs === b.rememberMs &&
    a.maxRetries === b.maxRetries &&
    a.maxCrashes === b.maxCrashes &&
    a.delivery === b.delivery
  )
}

function haveOneKeep(a: Keep | undefined, b: Keep | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.ageMs === b.ageMs && a.count === b.count
}

function dueText(job: NewJob): string {
  if (job.delayMs !== undefined && job.runAt !== undefined)
    throw new InvalidArgumentError('job takes either delayMs or runAt, not both')
  const text = instantText(job.delayMs, 'job.delayMs', job.runAt, 'job.runAt')
  return text === '+0' ? '' : text
}

/** A duration from now, or an instant, for a script. */
export function instantText(
  inMs: number | undefined,
  inName: string,
  at: number | undefined,
  atName: string,
): string {
  if (inMs !== undefined) return `+${duration(inMs, inName)}`
  if (at === undefined) return ''
  if (!Number.isFinite(at))
    throw new InvalidArgumentError(`${atName} must be epoch milliseconds, not ${String(at)}`)
  return `@${at}`
}

function duration(ms: number, what: string): number {
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new InvalidArgumentError(`${what} must be 0 or more milliseconds, not ${String(ms)}`)
}

function count(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new InvalidArgumentError(`${what} must be a non-negative integer, not ${String(value)}`)
}

/** What a settle or a sweep must know, empty where it is the default. */
function settingsText(job: NewJob): string {
  const { maxRetries, maxCrashes, delivery, rememberMs, retention } = job
  if (
    maxRetries === undefined &&
    maxCrashes === undefined &&
    delivery === undefined &&
    rememberMs === undefined &&
    retention === undefined
  )
    return ''
  if (delivery !== undefined && delivery !== 'at-least-once' && delivery !== 'at-most-once')
    throw new InvalidArgumentError(
      `job.delivery must be at-least-once or at-most-once, not ${String(delivery)}`,
    )
  const parts = [
    maxRetries ? String(count(maxRetries, 'job.maxRetries')) : '',
    maxCrashes === undefined || maxCrashes === DEFAULT_MAX_CRASHES
      ? ''
      : String(count(maxCrashes, 'job.maxCrashes')),
    delivery === 'at-most-once' ? 'm' : '',
    rememberMs === undefined || rememberMs === REMEMBER_MS.made
      ? ''
      : String(Math.ceil(duration(rememberMs, 'job.rememberMs'))),
    ...keepText(retention?.completed, 'completed'),
    ...keepText(retention?.cancelled, 'cancelled'),
    ...keepText(retention?.failed, 'failed'),
  ]
  if (maxRetries !== undefined && !maxRetries) count(maxRetries, 'job.maxRetries')
  while (parts.at(-1) === '') parts.pop()
  return parts.join(',')
}

function keepText(keep: Keep | undefined, state: FinalState): readonly [string, string] {
  if (keep === undefined) return ['', '']
  return [
    keep.ageMs === undefined ? '-' : String(duration(keep.ageMs, `job.retention.${state}.ageMs`)),
    keep.count === undefined ? '-' : String(count(keep.count, `job.retention.${state}.count`)),
  ]
}

function extrasText({ entityId, occurrence, options }: NewJob): string {
  if (entityId === undefined && occurrence === undefined && options === undefined) return ''
  if (entityId !== undefined) checkName(entityId, 'job.entityId')
  const extras: Extras = {
    ...(entityId !== undefined && { entity: entityId }),
    ...(occurrence !== undefined && { occurrence: [occurrence.schedule, occurrence.due] }),
    ...(options !== undefined && { options }),
  }
  return `x${encodeValue(extras, { root: 'job' })}\0`
}
