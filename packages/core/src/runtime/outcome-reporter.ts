import type { FailReason } from '../contracts/job-record.ts'
import type { JobStore, Outcome, Settled } from '../contracts/job-store.ts'
import { toError } from '../policies/job-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Attempt } from './attempt.ts'
import type { OccurrenceGate } from './occurrence-gate.ts'
import type { OutcomeBatch } from './settler.ts'

export interface OutcomeReporterParts {
  readonly events: Events
  readonly logger: Logger
  readonly jobs: Pick<JobStore, 'get'>
  readonly gate: () => OccurrenceGate | undefined
}

/** Tells listeners and schedules what became of attempts, once the store answered for them. */
export class OutcomeReporter {
  readonly #events: Events
  readonly #logger: Logger
  readonly #jobs: Pick<JobStore, 'get'>
  readonly #gate: () => OccurrenceGate | undefined

  constructor({ events, logger, jobs, gate }: OutcomeReporterParts) {
    this.#jobs = jobs
    this.#events = events
    this.#logger = logger
    this.#gate = gate
  }

  report({ outcomes, attempts }: OutcomeBatch, settled: Settled['settled']): void {
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes[i]!
      const attempt = attempts[i]!
      if (settled[i] === 'stale') this.#stale(attempt, outcome)
      else {
        this.#accepted(attempt, outcome)
        if (attempt.ran && attempt.job.occurrence !== null) this.#endOccurrence(attempt, outcome)
      }
    }
  }

  #accepted(attempt: Attempt, outcome: Outcome): void {
    const events = this.#events
    switch (outcome.kind) {
      case 'complete': {
        if (!events.has('completed')) return
        const { durationMs } = attempt
        events.emit('completed', { job: attempt.view(), result: outcome.result, durationMs })
        return
      }
      case 'retry':
        this.#failed(
          attempt,
          false,
          attempt.aborted === 'timeout' || attempt.aborted === 'stalled' ? attempt.aborted : 'error',
        )
        if (events.has('retry'))
          events.emit('retry', {
            job: attempt.view(),
            error: toError(attempt.error),
            delayMs: outcome.delayMs,
          })
        return
      case 'fail':
        if (outcome.reason !== 'expired') this.#failed(attempt, true, outcome.reason)
        else if (events.has('expired')) events.emit('expired', { job: attempt.view() })
        return
      case 'cancel':
        if (events.has('cancelled')) void this.#cancelled(attempt, outcome.reason)
        return
      case 'snooze':
        if (attempt.aborted === 'stopping' && events.has('interrupted'))
          events.emit('interrupted', { job: attempt.view() })
        return
      case 'release':
        return
    }
  }

  /** Why somebody cancelled a running job only its record says. */
  async #cancelled(attempt: Attempt, known: string | undefined): Promise<void> {
    let reason: string | null = known ?? null
    try {
      reason ??= (await this.#jobs.get([attempt.job.id]))[0]?.reason ?? null
    } catch (error) {
      this.#events.failed('reading why a job was cancelled', error, attempt.job.id)
    }
    this.#events.emit('cancelled', { job: attempt.view(), reason })
  }

  #failed(attempt: Attempt, final: boolean, reason: FailReason): void {
    const error = toError(attempt.error)
    const { id, type, attempt: number } = attempt.job
    this.#logger[final ? 'error' : 'warn'](
      `job ${id} (${type}) failed in attempt ${number}${final ? ' for good' : ''}`,
      { error, reason },
    )
    if (this.#events.has('failed')) this.#events.emit('failed', { job: attempt.view(), error, final, reason })
  }

  #stale(attempt: Attempt, outcome: Outcome): void {
    // what was never started has no result to drop
    if (outcome.kind === 'release') return
    this.#logger.warn('the result of an attempt was dropped, because its lease was lost', {
      jobId: attempt.job.id,
      type: attempt.job.type,
      outcome: outcome.kind,
    })
    this.#events.emit('stale', { job: attempt.view(), outcome: outcome.kind })
  }

  #endOccurrence(attempt: Attempt, { kind }: Outcome): void {
    if (kind === 'release' || kind === 'snooze') return
    const ended = this.#gate()?.ended(attempt.job, kind === 'complete')
    ended
      ?.then(() => this.#events.worked('ending an occurrence'))
      .catch((error: unknown) => this.#events.failed('ending an occurrence', error, attempt.job.id))
  }
}
