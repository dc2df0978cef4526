import type { Attempt } from './attempt.ts'

/** Claimed attempts that wait for a slot, in the order in which they start. */
export class WaitingLine {
  #attempts: Attempt[] = []
  #head = 0

  get length(): number {
    return this.#attempts.length - this.#head
  }

  /** Those of limited types go before the others: each holds a place of the whole cluster's. */
  push(attempts: readonly Attempt[]): void {
    const limited: Attempt[] = []
    for (const attempt of attempts) {
      if (attempt.definition.concurrency === undefined) this.#attempts.push(attempt)
      else limited.push(attempt)
    }
    if (limited.length > 0) this.#set([...limited, ...this.#rest()])
  }

  shift(): Attempt | undefined {
    const attempt = this.#attempts[this.#head]
    if (attempt !== undefined && ++this.#head === this.#attempts.length) this.#set([])
    return attempt
  }

  /** False when it is not waiting. */
  remove(attempt: Attempt): boolean {
    const at = this.#attempts.indexOf(attempt, this.#head)
    if (at >= 0) this.#attempts.splice(at, 1)
    return at >= 0
  }

  takeAll(): Attempt[] {
    const rest = this.#rest()
    this.#set([])
    return rest
  }

  collect(into: Attempt[]): void {
    for (let i = this.#head; i < this.#attempts.length; i++) into.push(this.#attempts[i]!)
  }

  #rest(): Attempt[] {
    return this.#attempts.slice(this.#head)
  }

  #set(attempts: Attempt[]): void {
    this.#attempts = attempts
    this.#head = 0
  }
}
