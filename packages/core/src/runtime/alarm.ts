import type { Clock, Timer } from '../values/clock.ts'

/** One timer for the earliest of the moments that were asked for. It may ring early: whoever it wakes finds out what to wait for. */
export class Alarm {
  readonly #clock: Clock
  readonly #onRing: () => void
  #timer: Timer | undefined
  #at = Number.POSITIVE_INFINITY

  constructor(clock: Clock, onRing: () => void) {
    this.#clock = clock
    this.#onRing = onRing
  }

  /** `at`: monotonic milliseconds, or infinity. A timer that is set for an earlier moment stays. */
  ringAt(at: number): void {
    if (at === Number.POSITIVE_INFINITY || (this.#timer && this.#at <= at)) return
    this.cancel()
    this.#at = at
    // whole milliseconds: a rest too small to move the clock would be waited for again and again
    const delayMs = Math.max(0, Math.ceil(at - this.#clock.monotonic()))
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = undefined
      this.#at = Number.POSITIVE_INFINITY
      this.#onRing()
    })
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#at = Number.POSITIVE_INFINITY
  }
}
