/**
 * How many jobs to claim before there are slots for them, so that the slots need not wait for the next answer. Bounded by time, not by
 * count: what is claimed ahead is what this worker gets done while a few calls are under way, at most 200 ms of work and a quarter of
 * the lease. A worker that has finished nothing claims nothing ahead.
 */
const AHEAD_MS = 200
/** Ahead of how many calls: one under way, one that follows, and as much again for the slow ones. */
const CALLS_AHEAD = 4
/** The rate is that of the present window and the one before. */
const WINDOW_MS = 250

export class ClaimAhead {
  readonly #maxMs: number
  #callMs = 0
  #windowStart: number
  #countAtWindow = 0
  #previousStart: number
  #countAtPrevious = 0

  /** `now`: monotonic milliseconds. */
  constructor(leaseMs: number, now: number) {
    this.#maxMs = Math.min(AHEAD_MS, leaseMs / 4)
    this.#windowStart = now
    this.#previousStart = now
  }

  /** A call took `ms`. */
  called(ms: number): void {
    this.#callMs += (ms - this.#callMs) * 0.2
  }

  /** Jobs that may be claimed and not started, at `now`, after `ended` attempts in all. */
  allowance(now: number, ended: number): number {
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#previousStart = this.#windowStart
      this.#countAtPrevious = this.#countAtWindow
      this.#windowStart = now
      this.#countAtWindow = ended
    }
    const perMs = (ended - this.#countAtPrevious) / Math.max(1, now - this.#previousStart)
    return Math.floor(perMs * Math.min(this.#maxMs, this.#callMs * CALLS_AHEAD + 2))
  }
}
