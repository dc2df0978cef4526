/**
 * The end of every call that waits, under one timer. A black-holed server answers nothing and closes nothing, so each call needs an end
 * of its own; a timer a call would cost more than the call.
 */
export interface Waiting {
  /** On the monotonic clock. */
  readonly end: number
  /** Called once, when the end has come. */
  overdue(): void
  /** Called once, when everything is given up. */
  abandon(reason: Error): void
}

export class Deadlines {
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined
  #timerEnd = Number.POSITIVE_INFINITY

  add(waiting: Waiting): void {
    this.#waiting.add(waiting)
    if (waiting.end < this.#timerEnd) this.#arm(waiting.end)
  }

  /** Whether it was still waiting. */
  remove(waiting: Waiting): boolean {
    return this.#waiting.delete(waiting)
  }

  abandonAll(reason: Error): void {
    clearTimeout(this.#timer)
    this.#timerEnd = Number.POSITIVE_INFINITY
    const left = [...this.#waiting]
    this.#waiting.clear()
    for (const waiting of left) waiting.abandon(reason)
  }

  #arm(end: number): void {
    clearTimeout(this.#timer)
    this.#timerEnd = end
    this.#timer = setTimeout(() => this.#check(), Math.max(1, end - performance.now()))
    // a socket under way keeps the process alive; this timer alone must not
    this.#timer.unref()
  }

  #check(): void {
    this.#timerEnd = Number.POSITIVE_INFINITY
    const now = performance.now()
    let next = Number.POSITIVE_INFINITY
    for (const waiting of [...this.#waiting]) {
      if (waiting.end > now) next = Math.min(next, waiting.end)
      else if (this.#waiting.delete(waiting)) waiting.overdue()
    }
    if (next < this.#timerEnd) this.#arm(next)
  }
}
