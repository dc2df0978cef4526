/** What the store is told of an attempt that is over. */
import type { Outcome } from '../contracts/job-store.ts'
import { type AttemptEnd, decide } from '../policies/decide.ts'
import type { Logger } from '../telemetry/logger.ts'
import { copyValue } from '../values/codec.ts'
import type { Attempt } from './attempt.ts'
import { attemptOptions } from './registry.ts'

/** When an attempt comes again whose handler could not be called. */
const PUT_OFF_MS = 1_000

/** Its handler returned `value`. A result that cannot be stored must not undo work that was done. */
export function completion(attempt: Attempt, value: unknown, logger: Logger): Outcome {
  const { id, token } = attempt.job
  const { durationMs } = attempt
  const result = value === undefined ? undefined : storable(attempt, value, logger)
  return result === undefined
    ? { id, token, kind: 'complete', durationMs }
    : { id, token, kind: 'complete', durationMs, result }
}

/** It ended otherwise. One that a stop cut short before its handler was called goes back as it was, also an at-most-once job's. */
export function outcomeOf(attempt: Attempt, end: AttemptEnd, random: () => number): Outcome {
  const { job, definition } = attempt
  if ('error' in end) attempt.error = end.error
  if (end.kind === 'interrupted' && !attempt.ran) return { id: job.id, token: job.token, kind: 'release' }
  const backoff = attemptOptions(job.options).backoff ?? definition.backoff
  return decide(end, job, backoff, random)
}

/** Its handler was not called: it comes again, a little later, and this does not count as an attempt. */
export function postponement({ job: { id, token } }: Attempt): Outcome {
  return { id, token, kind: 'snooze', delayMs: PUT_OFF_MS }
}

/** Its schedule no longer wants it. */
export function skip({ job: { id, token } }: Attempt, reason: string): Outcome {
  return { id, token, kind: 'cancel', reason }
}

/** How an attempt ends that was aborted from outside and is over now, however its handler ended; undefined: nobody aborted it. */
export function abortedEnd({ aborted, abortError }: Attempt): AttemptEnd | undefined {
  if (aborted === 'cancelled') return { kind: 'cancelled' }
  return aborted === 'stopping' ? { kind: 'interrupted', error: abortError } : undefined
}

function storable({ job }: Attempt, value: unknown, logger: Logger): unknown {
  try {
    return copyValue(value, { root: 'result' })
  } catch (error) {
    logger.warn(
      `job ${job.id} (${job.type}) completed, but its result cannot be kept: return JSON and Dates, or nothing`,
      { error },
    )
    return undefined
  }
}
