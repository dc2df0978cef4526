/** What becomes of an attempt: its result in, the outcome for the store out. Pure. */
import type { ClaimedJob, Outcome } from '../contracts/job-store.ts'
import { type Backoff, type BackoffFunction, backoffDelay } from './backoff.ts'
import { toJobError } from './job-error.ts'

/** How an attempt ended. */
export type AttemptEnd =
  /** The handler failed, or was given up: `error` by its own doing, `timeout` and `stalled` by its limits. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly reason: 'error' | 'timeout' | 'stalled' }
  /** The schema refused the stored payload: it will not accept it next time either. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** Cut short by a stop: no fault of the job. */
  | { readonly kind: 'interrupted'; readonly error: unknown }
  /** Cut short because somebody cancelled the job. */
  | { readonly kind: 'cancelled' }
  /** Claimed, and past its `expiresAt` before it could start. */
  | { readonly kind: 'expired'; readonly error: unknown }

export type DecidedJob = Pick<ClaimedJob, 'id' | 'token' | 'failures' | 'maxRetries' | 'delivery'>

/** `random` gives a number in [0, 1), for the jitter. An at-most-once job is never run again, whatever ended its attempt. */
export function decide(
  end: AttemptEnd,
  job: DecidedJob,
  backoff: Backoff | BackoffFunction,
  random: () => number,
): Outcome {
  const { id, token } = job
  switch (end.kind) {
    case 'cancelled':
      return { id, token, kind: 'cancel' }
    case 'expired':
      return { id, token, kind: 'fail', error: toJobError(end.error), reason: 'expired' }
    case 'refused':
      return { id, token, kind: 'fail', error: toJobError(end.error), reason: 'payload' }
    case 'interrupted':
      if (job.delivery === 'at-most-once')
        return { id, token, kind: 'fail', error: toJobError(end.error), reason: 'error' }
      return { id, token, kind: 'snooze', delayMs: 0 }
    case 'failed': {
      const failures = job.failures + 1
      const error = toJobError(end.error)
      if (failures > job.maxRetries || job.delivery === 'at-most-once')
        return { id, token, kind: 'fail', error, reason: end.reason }
      return { id, token, kind: 'retry', delayMs: backoffDelay(backoff, failures, end.error, random), error }
    }
  }
}
