/**
 * How many jobs to claim before there are slots for them, so that the slots need not wait for the next answer. Bounded by time, not by
 * count: what is claimed ahead is what this worker gets done while a few calls are under way, at most 200 ms of work and a quarter of
 * the lease. How quick it is only the time counts in which something ran: while it waits for the store it gets nothing done. And it is
 * believed by and by: no more is claimed ahead than twice what was finished lately, so a worker that has finished nothing claims nothing.
 */
const AHEAD_MS = 200
/** Ahead of how many calls: one under way, one that follows, and as much again for the slow ones. */
const CALLS_AHEAD = 4
/** The pace is that of the present window and the one before. */
const WINDOW_MS = 250
/** Shorter times say nothing. */
const SHORTEST_MS = 0.01

/** What a worker has done since its start. */
export interface Progress {
  /** Attempts that ended. */
  readonly ended: number
  /** Milliseconds in which at least one ran. */
  readonly busyMs: number
}

export class ClaimAhead {
  readonly #maxMs: number
  #callMs = 0
  /** Where the present window began, in monotonic milliseconds, and what was done by then, and by the beginning of the one before. */
  #windowStart: number
  #atWindow: Progress = { ended: 0, busyMs: 0 }
  #atPrevious: Progress = this.#atWindow

  /** `now`: monotonic milliseconds. */
  constructor(leaseMs: number, now: number) {
    this.#maxMs = Math.min(AHEAD_MS, leaseMs / 4)
    this.#windowStart = now
  }

  /** A call took `ms`. */
  called(ms: number): void {
    this.#callMs += (ms - this.#callMs) * 0.2
  }

  /** Jobs that may be claimed and not started, at `now`. */
  allowance(now: number, { ended, busyMs }: Progress): number {
    const passedMs = now - this.#windowStart
    if (passedMs >= WINDOW_MS) {
      const present = { ended, busyMs }
      // what was long ago is forgotten
      this.#atPrevious = passedMs < 2 * WINDOW_MS ? this.#atWindow : present
      this.#atWindow = present
      this.#windowStart = now
    }
    const lately = ended - this.#atPrevious.ended
    const perMs = lately / Math.max(SHORTEST_MS, busyMs - this.#atPrevious.busyMs)
    return Math.floor(Math.min(2 * lately, perMs * Math.min(this.#maxMs, this.#callMs * CALLS_AHEAD + 2)))
  }
}
