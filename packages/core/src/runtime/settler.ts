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
  readonly #refused: Attempt[] = []

  /** Outcomes not sent yet. */
  get waiting(): number {
    return this.#outcomes.length
  }

  /** Attempts that are over and whose every outcome the store refused. */
  get refused(): number {
    return this.#refused.length
  }

  /** Nothing is waiting and nothing is under way. */
  get isEmpty(): boolean {
    return this.#outcomes.length === 0 && this.#sent === NOTHING
  }

  add(attempt: Attempt, outcome: Outcome): void {
    this.#outcomes.push(outcome)
    this.#attempts.push(attempt)
  }

  /** The store refuses whatever ends it: it stays held until this worker leaves, so that it is not run again meanwhile. */
  keepRefused(attempt: Attempt): void {
    this.#refused.push(attempt)
  }

  /** Takes out the outcomes of attempts that are `lost`, unless they may have reached the store. */
  dropLost(): { readonly attempt: Attempt; readonly outcome: Outcome }[] {
    const all = this.#attempts.map((attempt, i) => ({ attempt, outcome: this.#outcomes[i]! }))
    const dropped = all.filter(({ attempt }) => attempt.lost && !attempt.outcomeSent)
    if (dropped.length === 0) return dropped
    const kept = all.filter(({ attempt }) => !attempt.lost || attempt.outcomeSent)
    this.#attempts = kept.map(({ attempt }) => attempt)
    this.#outcomes = kept.map(({ outcome }) => outcome)
    return dropped
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
    for (const attempt of this.#sent.attempts) attempt.outcomeSent = true
    this.#outcomes = [...this.#sent.outcomes, ...this.#outcomes]
    this.#attempts = [...this.#sent.attempts, ...this.#attempts]
    this.#sent = NOTHING
  }

  /** The attempts that the store still holds for us as far as we know. */
  collect(into: Attempt[]): void {
    for (const attempt of this.#sent.attempts) into.push(attempt)
    for (const attempt of this.#attempts) into.push(attempt)
    for (const attempt of this.#refused) into.push(attempt)
  }
}
