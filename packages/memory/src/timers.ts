import type { Clock, Timer } from '@sched/core/adapter'

/** Something whose listeners want to hear when time alone makes work claimable. */
export interface TimedSource {
  /** Wakes the listeners of what came due by `now`; gives the next instant after `now`, or Infinity. */
  ring(now: number): number
}

/**
 * The one timer of a server, armed for the soonest instant that any listener waits for, whatever the number of delayed jobs. With
 * no listener nothing is armed: claims compare with the clock themselves, so the alarm only ever makes them early.
 */
export class Alarm {
  readonly #clock: Clock
  readonly #sources: Set<TimedSource> = new Set()
  #timer: Timer | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `source` has listeners from now on. */
  watch(source: TimedSource): void {
    this.#sources.add(source)
    this.expect(source.ring(this.#clock.now()))
  }

  unwatch(source: TimedSource): void {
    this.#sources.delete(source)
    if (this.#sources.size === 0) this.#disarm()
  }

  /** Something of a watched source comes due at `at` (epoch ms). */
  expect(at: number): void {
    if (at >= this.#armedFor || this.#sources.size === 0) return
    this.#disarm()
    this.#armedFor = at
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => this.#ring())
  }

  #ring(): void {
    this.#disarm()
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const source of this.#sources) next = Math.min(next, source.ring(now))
    this.expect(next)
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#armedFor = Number.POSITIVE_INFINITY
  }
}
