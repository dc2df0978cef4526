import {
  DEFAULT_MAX_CRASHES,
  DEFAULT_RETENTION,
  type Delivery,
  InvalidArgumentError,
  type Keep,
  type NewJob,
  REMEMBER_MS,
  type Retention,
} from '@sched/core/adapter'
import { checkCount, checkDuration } from '../arguments.ts'
import { COMPLETED, FAILED, type FinalCode } from './job-states.ts'

/** What a settle or a sweep must know of a job: one object for all jobs of a type that say the same. */
export interface Terms {
  readonly maxRetries: number
  readonly maxCrashes: number
  readonly delivery: Delivery
  readonly rememberMs: number
  readonly retention: Retention | undefined
}

export const DEFAULT_TERMS: Terms = {
  maxRetries: 0,
  maxCrashes: DEFAULT_MAX_CRASHES,
  delivery: 'at-least-once',
  rememberMs: REMEMBER_MS.made,
  retention: undefined,
}

/** The terms of a new job: `latest` itself, checked when it was made, where the job says the same. Throws INVALID_ARGUMENT. */
export function termsOf(job: NewJob, latest: Terms = DEFAULT_TERMS): Terms {
  const {
    maxRetries = DEFAULT_TERMS.maxRetries,
    maxCrashes = DEFAULT_TERMS.maxCrashes,
    delivery = DEFAULT_TERMS.delivery,
    rememberMs = DEFAULT_TERMS.rememberMs,
    retention,
  } = job
  if (
    latest.maxRetries === maxRetries &&
    latest.maxCrashes === maxCrashes &&
    latest.delivery === delivery &&
    latest.rememberMs === rememberMs &&
    isSameRetention(latest.retention, retention)
  ) {
    return latest
  }
  checkCount(maxRetries, 'maxRetries')
  checkCount(maxCrashes, 'maxCrashes')
  checkDuration(rememberMs, 'rememberMs')
  if (delivery !== 'at-least-once' && delivery !== 'at-most-once') {
    throw new InvalidArgumentError(`delivery must be at-least-once or at-most-once, not ${String(delivery)}`)
  }
  return { maxRetries, maxCrashes, delivery, rememberMs, retention: checkedRetention(retention) }
}

/** How long, and how many, of the jobs that ended so are kept. */
export function keepOf(terms: Terms, state: FinalCode): Keep {
  const { retention } = terms
  if (state === COMPLETED) return retention?.completed ?? DEFAULT_RETENTION.completed
  if (state === FAILED) return retention?.failed ?? DEFAULT_RETENTION.failed
  return retention?.cancelled ?? DEFAULT_RETENTION.cancelled
}

function isSameRetention(a: Retention | undefined, b: Retention | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  return (
    isSameKeep(a.completed, b.completed) &&
    isSameKeep(a.failed, b.failed) &&
    isSameKeep(a.cancelled, b.cancelled)
  )
}

function isSameKeep(a: Keep | undefined, b: Keep | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.ageMs === b.ageMs && a.count === b.count
}

/** A copy of its own. */
function checkedRetention(retention: Retention | undefined): Retention | undefined {
  if (retention === undefined) return undefined
  const copy: { -readonly [State in keyof Retention]: Retention[State] } = {}
  for (const state of ['completed', 'failed', 'cancelled'] as const) {
    const keep = retention[state]
    if (keep === undefined) continue
    if (keep.ageMs !== undefined) checkDuration(keep.ageMs, `retention.${state}.ageMs`)
    if (keep.count !== undefined) checkCount(keep.count, `retention.${state}.count`)
    copy[state] = { ...keep }
  }
  return copy
}
