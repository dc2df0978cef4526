/** A pending timer of a {@link Clock}. */
export interface Timer {
  cancel(): void
}

/**
 * Where time comes from. The system clock by default; tests inject one they move by hand.
 * `now` may jump (NTP, an operator); `monotonic` never does, so durations are counted on it.
 */
export interface Clock {
  /** Wall clock, epoch milliseconds. */
  now(): number
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonic(): number
  /** Calls `fn` once, `delayMs` milliseconds from now, never early; any delay is accepted, also beyond 2^31 ms. */
  after(delayMs: number, fn: () => void): Timer
}

/** The longest delay Node's setTimeout takes; longer ones are chained. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout | undefined
  readonly #fn: () => void
  readonly #due: number

  constructor(delayMs: number, fn: () => void) {
    this.#fn = fn
    this.#due = performance.now() + delayMs
    this.#arm()
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #arm(): void {
    const left = this.#due - performance.now()
    if (left <= 0) this.#handle = setTimeout(this.#fn, 0)
    // setTimeout truncates fractions, and would otherwise fire up to a millisecond early
    else this.#handle = setTimeout(() => this.#elapsed(), Math.min(Math.ceil(left), MAX_TIMEOUT_MS))
  }

  #elapsed(): void {
    if (performance.now() < this.#due) this.#arm()
    else this.#fn()
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, fn) => new SystemTimer(delayMs, fn),
}
