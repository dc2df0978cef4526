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
  /** Under way, each in a call of its own. */
  readonly #sent: Set<OutcomeBatch> = new Set()
  /** After outcomes were put back an id may come twice: of its claim before, and of the present one. */
  #mayRepeat = false
  readonly #refused: Attempt[] = []

  /** Outcomes not sent yet. */
  get waiting(): number {
    return this.#outcomes.length
  }

  /** Outcomes under way. */
  get sent(): number {
    let sent = 0
    for (const { outcomes } of this.#sent) sent += outcomes.length
    return sent
  }

  /** Attempts that are over and whose every outcome the store refused. */
  get refused(): number {
    return this.#refused.length
  }

  /** Nothing is waiting and nothing is under way. */
  get isEmpty(): boolean {
    return this.#outcomes.length === 0 && this.#sent.size === 0
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

  /** The next ones to send, at most `max`, each id once. The batch is under way until `confirm` or `putBack`. */
  take(max: number): OutcomeBatch {
    const count = this.#mayRepeat ? this.#distinct(max) : Math.min(max, this.#outcomes.length)
    if (count === 0) return NOTHING
    const batch =
      count === this.#outcomes.length
        ? { outcomes: this.#outcomes, attempts: this.#attempts }
        : { outcomes: this.#outcomes.slice(0, count), attempts: this.#attempts.slice(0, count) }
    this.#outcomes = this.#outcomes.slice(count)
    this.#attempts = this.#attempts.slice(count)
    this.#sent.add(batch)
    return batch
  }

  /** The store answered for this batch. */
  confirm(batch: OutcomeBatch): void {
    this.#sent.delete(batch)
  }

  /** Its fate is unknown, or it was not applied: it is the first of the next batch. A repetition is harmless. */
  putBack(batch: OutcomeBatch): void {
    if (!this.#sent.delete(batch)) return
    for (const attempt of batch.attempts) attempt.outcomeSent = true
    this.#outcomes = [...batch.outcomes, ...this.#outcomes]
    this.#attempts = [...batch.attempts, ...this.#attempts]
    this.#mayRepeat = true
  }

  /** How many from the front have different ids. */
  #distinct(max: number): number {
    const ids = new Set<string>()
    for (const { id } of this.#outcomes) {
      if (ids.size === max || ids.has(id)) return ids.size
      ids.add(id)
    }
    this.#mayRepeat = false
    return ids.size
  }

  /** The attempts that the store still holds for us as far as we know. */
  collect(into: Attempt[]): void {
    for (const batch of this.#sent) for (const attempt of batch.attempts) into.push(attempt)
    for (const attempt of this.#attempts) into.push(attempt)
    for (const attempt of this.#refused) into.push(attempt)
  }
}
