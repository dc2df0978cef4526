import { SchedError } from '../../errors/sched-error.ts'
import type { Clock } from '../../values/clock.ts'

/**
 * Remembers how long the storage was out of reach, as this process saw it: after an outage longer than a worker's lease that worker
 * may not be declared dead until it had one lease's time to renew.
 */
export class StorageHealth {
  readonly #clock: Clock
  #answeredAt: number
  #failing = false
  /** The latest outage: how long it lasted, and when it ended. */
  #outage: { readonly ms: number; readonly endedAt: number } = { ms: 0, endedAt: Number.NEGATIVE_INFINITY }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#answeredAt = clock.monotonic()
  }

  /** Passes `call` on, and notes whether the storage answered. */
  async watch<T>(call: () => Promise<T>): Promise<T> {
    try {
      const result = await call()
      this.#answered()
      return result
    } catch (error) {
      if (error instanceof SchedError && error.code === 'UNAVAILABLE') this.#failing = true
      else this.#answered()
      throw error
    }
  }

  /** Whether a worker with such a lease, now past it, had its chance to renew. */
  couldRenew(leaseMs: number): boolean {
    const { ms, endedAt } = this.#outage
    return ms < leaseMs || this.#clock.monotonic() >= endedAt + leaseMs
  }

  #answered(): void {
    const now = this.#clock.monotonic()
    if (this.#failing) this.#outage = { ms: now - this.#answeredAt, endedAt: now }
    this.#failing = false
    this.#answeredAt = now
  }
}
