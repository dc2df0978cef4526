import type { Clock, Timer } from './clock.ts'

export interface ManualClockOptions {
  /** Where the wall clock starts, epoch milliseconds; default 2026-01-01T00:00:00Z. */
  readonly now?: number
  /** Turns of the event loop granted after each timer, for what it set off; default 4. */
  readonly turns?: number
}

class ManualTimer implements Timer {
  readonly due: number
  readonly order: number
  readonly fn: () => void
  readonly #owner: Set<ManualTimer>

  constructor(owner: Set<ManualTimer>, due: number, order: number, fn: () => void) {
    this.#owner = owner
    this.due = due
    this.order = order
    this.fn = fn
    owner.add(this)
  }

  cancel(): void {
    this.#owner.delete(this)
  }
}

/**
 * A {@link Clock} that stands still until it is moved, for tests. Timers fire in order of their due instant, those of one instant in
 * the order they were set, each with the clock standing at exactly its due instant; promises and `setImmediate`s that a timer set
 * off run before the next one fires. A timer set by another one fires in the same `advance` when it is due within it.
 */
export class ManualClock implements Clock {
  readonly #timers: Set<ManualTimer> = new Set()
  readonly #turns: number
  #now: number
  #monotonic = 0
  #order = 0

  constructor(options: ManualClockOptions = {}) {
    this.#now = options.now ?? Date.UTC(2026, 0, 1)
    this.#turns = options.turns ?? 4
  }

  /** Timers set and neither fired nor cancelled. */
  get pending(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  after(delayMs: number, fn: () => void): Timer {
    return new ManualTimer(this.#timers, this.#monotonic + Math.max(0, delayMs), this.#order++, fn)
  }

  /** Moves both clocks by `ms` milliseconds, firing what becomes due. Resolves when the last timer's doings have had their turns. */
  async advance(ms: number): Promise<void> {
    const target = this.#monotonic + ms
    await this.settle()
    for (let timer = this.#next(target); timer; timer = this.#next(target)) {
      this.#move(timer.due)
      timer.cancel()
      timer.fn()
      await this.settle()
    }
    this.#move(target)
  }

  /** {@link advance} until the wall clock shows `now`, epoch milliseconds; an instant in the past only lets things settle. */
  advanceTo(now: number): Promise<void> {
    return this.advance(Math.max(0, now - this.#now))
  }

  /** Sets the wall clock off by `ms` without time passing, as an operator or NTP does: no timer fires, `monotonic` stays. */
  jump(ms: number): void {
    this.#now += ms
  }

  /** Lets promises and `setImmediate`s run without moving the clock. */
  async settle(turns: number = this.#turns): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  #next(target: number): ManualTimer | undefined {
    let first: ManualTimer | undefined
    for (const timer of this.#timers) {
      if (timer.due > target) continue
      if (!first || timer.due < first.due || (timer.due === first.due && timer.order < first.order))
        first = timer
    }
    return first
  }

  #move(monotonic: number): void {
    if (monotonic <= this.#monotonic) return
    this.#now += monotonic - this.#monotonic
    this.#monotonic = monotonic
  }
}
