import { SchedError } from '../../errors/sched-error.ts'
import type { Clock } from '../../values/clock.ts'

interface Outage {
  /** How long nobody was answered, milliseconds. */
  readonly ms: number
  /** Monotonic. */
  readonly endedAt: number
}

/** A worker renews its lease three times in its length: a shorter silence takes no renewal from it. */
const BEATS = 3
/** Shorter silences are the ordinary time of a call; the shortest lease is 100 ms. */
const NOTABLE_MS = 100 / BEATS

/**
 * Remembers how long the storage was out of reach, as this process saw it: calls failed, or waited, and none was answered. After an
 * outage that kept a worker from renewing its lease, that worker may not be declared dead until it had one lease's time to renew.
 */
export class StorageHealth {
  readonly #clock: Clock
  #answeredAt: number
  #failing = false
  #outages: readonly Outage[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    this.#answeredAt = clock.monotonic()
  }

  /** Passes `call` on, and notes whether, and when, the storage answered. */
  async watch<T>(call: () => Promise<T>): Promise<T> {
    const sentAt = this.#clock.monotonic()
    try {
      const result = await call()
      this.#answered(sentAt)
      return result
    } catch (error) {
      if (error instanceof SchedError && error.code === 'UNAVAILABLE') this.#failing = true
      else this.#answered(sentAt)
      throw error
    }
  }

  /** Whether a worker with such a lease, now past it, had its chance to renew. */
  couldRenew(leaseMs: number): boolean {
    const now = this.#clock.monotonic()
    return this.#outages.every(({ ms, endedAt }) => ms * BEATS < leaseMs || now >= endedAt + leaseMs)
  }

  #answered(sentAt: number): void {
    const now = this.#clock.monotonic()
    const silentSince = this.#failing ? this.#answeredAt : Math.max(this.#answeredAt, sentAt)
    if (now - silentSince >= NOTABLE_MS) {
      // one that is older than any lease it could matter to is forgotten
      const recent = this.#outages.filter(({ ms, endedAt }) => now < endedAt + ms * BEATS)
      this.#outages = [...recent, { ms: now - silentSince, endedAt: now }]
    }
    this.#failing = false
    this.#answeredAt = now
  }
}
