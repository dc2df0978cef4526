/**
 * Numbers that grow within this process, and roughly with the time between processes. They only order what has the same due millisecond,
 * so that a clock that is off does no harm.
 */
export class Sequence {
  #last = 0

  next(): number {
    this.#last = Math.max(this.#last + 1, Date.now() * 1_000)
    return this.#last
  }
}
