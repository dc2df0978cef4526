/** Keeps the outcomes that the store does not have yet, in order. Nothing here is lost until the store answered for it. */
import type { Outcome } from '../contracts/job-store.ts'
import type { Attempt } from './attempt.ts'

export interface OutcomeBatch {
  readonly outcomes: readonly Outcome[]
  readonly attempts: readonly Attempt[]
}

const NOTHING: OutcomeBatch = { outcomes: [], attempts: [] }

export class Settler {
  #outcomes: Outcome[] = []
  #attempts: Attempt[] = []
  #sent: OutcomeBatch = NOTHING

  /** Outcomes not sent yet. */
  get waiting(): number {
    return this.#outcomes.length
  }

  /** Nothing is waiting and nothing is under way. */
  get isEmpty(): boolean {
    return this.#outcomes.length === 0 && this.#sent === NOTHING
  }

  add(attempt: Attempt, outcome: Outcome): void {
    this.#outcomes.push(outcome)
    this.#attempts.push(attempt)
  }

  /** The next ones to send, at most `max`. One batch is under way at a time: it ends with `confirm` or `putBack`. */
  take(max: number): OutcomeBatch {
    if (this.#outcomes.length === 0) return NOTHING
    if (this.#outcomes.length <= max) {
      this.#sent = { outcomes: this.#outcomes, attempts: this.#attempts }
      this.#outcomes = []
      this.#attempts = []
    } else {
      this.#sent = { outcomes: this.#outcomes.splice(0, max), attempts: this.#attempts.splice(0, max) }
    }
    return this.#sent
  }

  /** The store answered for the batch under way. */
  confirm(): void {
    this.#sent = NOTHING
  }

  /** Its fate is unknown, or it was not applied: it is the first of the next batch. A repetition is harmless. */
  putBack(): void {
    if (this.#sent === NOTHING) return
    this.#outcomes = [...this.#sent.outcomes, ...this.#outcomes]
    this.#attempts = [...this.#sent.attempts, ...this.#attempts]
    this.#sent = NOTHING
  }

  /** The attempts that the store still holds for us as far as we know. */
  collect(into: Attempt[]): void {
    for (const attempt of this.#sent.attempts) into.push(attempt)
    for (const attempt of this.#attempts) into.push(attempt)
  }
}
