/**
 * From the start of an attempt to the end of its handler: asks the schedule whether it is still wanted, parses the payload, calls the
 * handler. It knows nothing of slots and limits: whoever gives up an attempt makes it `over`, and what comes after that is ignored.
 */
import type { Events } from '../telemetry/events.ts'
import { type Attempt, AttemptContext, type ContextHost } from './attempt.ts'
import type { OccurrenceGate } from './occurrence-gate.ts'
import type { WorkerLease } from './worker-lease.ts'

export interface HandlerCallsParts {
  readonly lease: WorkerLease
  readonly events: Events
  readonly host: ContextHost
  /** Whether a schedule still wants its occurrence. */
  readonly gate: () => OccurrenceGate | undefined
}

/** What became of an attempt that was started. */
export interface CallEnds {
  succeeded(attempt: Attempt, result: unknown): void
  failed(attempt: Attempt, error: unknown): void
  /** The schema does not take the stored payload. */
  refused(attempt: Attempt, error: unknown): void
  /** The schedule no longer wants it. */
  skipped(attempt: Attempt, reason: string): void
  /** It may not, or could not, call its handler now. */
  putOff(attempt: Attempt): void
}

/** Holds the two callbacks of one handler's promise; made once a slot, not once a job. */
class Slot {
  attempt: Attempt | undefined = undefined
  readonly fulfilled: (result: unknown) => void
  readonly rejected: (error: unknown) => void

  constructor(calls: HandlerCalls) {
    this.fulfilled = (result) => calls.handlerEnded(this, true, result)
    this.rejected = (error) => calls.handlerEnded(this, false, error)
  }
}

export class HandlerCalls {
  readonly #parts: HandlerCallsParts
  readonly #ends: CallEnds
  readonly #free: Slot[] = []

  constructor(parts: HandlerCallsParts, ends: CallEnds) {
    this.#parts = parts
    this.#ends = ends
  }

  start(attempt: Attempt): void {
    if (attempt.job.occurrence === null) this.#parse(attempt, attempt.job.payload)
    else void this.#startOccurrence(attempt)
  }

  /** A handler's promise settled; its slot is free for another, whether or not the attempt still waited for it. */
  handlerEnded(slot: Slot, fulfilled: boolean, value: unknown): void {
    const attempt = slot.attempt!
    slot.attempt = undefined
    this.#free.push(slot)
    if (fulfilled) this.#ends.succeeded(attempt, value)
    else this.#ends.failed(attempt, value)
  }

  async #startOccurrence(attempt: Attempt): Promise<void> {
    const { events } = this.#parts
    const gate = this.#parts.gate()
    attempt.asking = true
    try {
      const answer = gate
        ? await gate.begin(attempt.job)
        : { run: true as const, payload: attempt.job.payload }
      events.worked('starting an occurrence')
      attempt.asking = false
      if (attempt.state !== 'running') return
      if (!this.#mayStart(attempt)) this.#ends.putOff(attempt)
      else if (answer.run) this.#parse(attempt, answer.payload)
      else this.#ends.skipped(attempt, answer.reason)
    } catch (error) {
      events.failed('starting an occurrence', error, attempt.job.id)
      this.#ends.putOff(attempt)
    }
  }

  /** After a wait: meanwhile it may have been aborted, or this worker may have stood still past its lease. */
  #mayStart(attempt: Attempt): boolean {
    return attempt.state === 'running' && attempt.aborted === undefined && this.#parts.lease.isLive
  }

  #parse(attempt: Attempt, payload: unknown): void {
    const { schema } = attempt.definition
    if (schema === undefined) {
      this.#call(attempt, payload === null ? undefined : payload)
      return
    }
    let data: unknown
    try {
      data = schema.parseStored(payload)
    } catch (error) {
      this.#ends.refused(attempt, error)
      return
    }
    if (!(data instanceof Promise)) this.#call(attempt, data)
    else
      data.then(
        (parsed) => (this.#mayStart(attempt) ? this.#call(attempt, parsed) : this.#ends.putOff(attempt)),
        (error: unknown) => this.#ends.refused(attempt, error),
      )
  }

  #call(attempt: Attempt, data: unknown): void {
    const { events, host } = this.#parts
    if (events.has('started')) events.emit('started', { job: attempt.view() })
    attempt.ran = true
    let result: unknown
    try {
      result = attempt.definition.handle!(data, new AttemptContext(attempt, host))
    } catch (error) {
      this.#ends.failed(attempt, error)
      return
    }
    if (result instanceof Promise) this.#await(attempt, result)
    else if (isThenable(result)) this.#await(attempt, Promise.resolve(result))
    else this.#ends.succeeded(attempt, result)
  }

  #await(attempt: Attempt, promise: Promise<unknown>): void {
    const slot = this.#free.pop() ?? new Slot(this)
    slot.attempt = attempt
    promise.then(slot.fulfilled, slot.rejected)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}
