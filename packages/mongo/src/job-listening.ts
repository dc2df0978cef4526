/**
 * Whether this process needs hints. A worker whose every claim is full finds work by itself, and a change stream would make the server look at
 * each of its writes once more: a third of what a job costs. So after a while of full claims nobody listens, until one is not full.
 */
import type { Wakes } from './wakes.ts'

const BUSY_MS = 300

export class JobListening {
  readonly #wakes: Wakes
  readonly #now: () => number
  readonly #keys = new Map<string, number>()
  #fullSince: number | undefined
  #isWoken = false
  /** The last claim found one job at most, and no more was there. */
  #foundLittle = true
  #resting = false

  constructor(wakes: Wakes, now: () => number = () => performance.now()) {
    this.#wakes = wakes
    this.#now = now
  }

  watched(keys: Iterable<string>): void {
    for (const key of keys) this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1)
    this.#attend()
  }

  unwatched(keys: Iterable<string>): void {
    this.#attend()
    for (const key of keys) {
      const left = (this.#keys.get(key) ?? 1) - 1
      if (left > 0) this.#keys.set(key, left)
      else this.#keys.delete(key)
    }
  }

  woken(): void {
    this.#isWoken = true
  }

  /** Whether there is probably one job to claim: a hint came since the last claim, which found little. */
  takeHint(): boolean {
    const isHinted = this.#isWoken && this.#foundLittle
    this.#isWoken = false
    return isHinted
  }

  /** A claim was answered: with so many jobs, as many as it asked for if it is `full`; maybe there is `more`. */
  claimed({
    jobs,
    full,
    more,
  }: {
    readonly jobs: number
    readonly full: boolean
    readonly more: boolean
  }): void {
    this.#foundLittle = jobs <= 1 && !full && !more
    if (!full) {
      this.#attend()
      return
    }
    this.#fullSince ??= this.#now()
    if (this.#resting || this.#keys.size === 0 || this.#now() - this.#fullSince < BUSY_MS) return
    this.#resting = true
    this.#wakes.rest(this.#keys.keys())
  }

  #attend(): void {
    this.#fullSince = undefined
    if (!this.#resting) return
    this.#resting = false
    this.#wakes.attend(this.#keys.keys())
  }
}
