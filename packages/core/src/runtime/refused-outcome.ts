import type { JobError } from '../contracts/job-record.ts'
import type { Outcome } from '../contracts/job-store.ts'
import { SchedError } from '../errors/sched-error.ts'
import { toJobError } from '../policies/job-error.ts'
import type { OutcomeBatch, Settler } from './settler.ts'

/** Whatever was wrong with the error that the handler threw, this one can be stored. */
const NOT_STORABLE: JobError = {
  name: 'SchedError',
  message:
    'this attempt ended, and the store took neither its outcome nor the error with which it refused that',
}

/**
 * The store takes everything but the one outcome of this batch. A result that it cannot keep, because it is too large beside the payload, say,
 * is left out: the work was done. Else the job fails for that reason, and if even that is refused, it stays held.
 */
export function replaceRefused(settler: Settler, batch: OutcomeBatch, error: unknown): void {
  const outcome = batch.outcomes[0]!
  const { id, token } = outcome
  const attempt = batch.attempts[0]!
  settler.confirm(batch)
  if (outcome.kind === 'complete' && outcome.result !== undefined && isAboutValue(error)) {
    settler.add(attempt, withoutResult(outcome))
    return
  }
  const refusals = ++attempt.outcomesRefused
  if (refusals > 2) {
    settler.keepRefused(attempt)
    return
  }
  const stored = refusals === 1 ? toJobError(error) : NOT_STORABLE
  attempt.error = error
  settler.add(attempt, { id, token, kind: 'fail', reason: 'error', error: stored })
}

function withoutResult({ result, ...rest }: Outcome & { kind: 'complete' }): Outcome {
  return rest
}

function isAboutValue(error: unknown): boolean {
  return (
    error instanceof SchedError && (error.code === 'VALUE_TOO_LARGE' || error.code === 'VALUE_UNSERIALIZABLE')
  )
}
