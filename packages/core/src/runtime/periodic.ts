import type { Clock, Timer } from '../values/clock.ts'
import { Service } from './service.ts'

/**
 * Does something again and again, never twice at once: the next wait begins when a round has ended. A round says how long to wait, in
 * milliseconds; it must not reject.
 */
export class Periodic extends Service {
  readonly #clock: Clock
  readonly #round: () => Promise<number>
  #timer: Timer | undefined
  #active: Promise<void> | undefined
  #again = false
  #open = false

  constructor(clock: Clock, round: () => Promise<number>) {
    super()
    this.#clock = clock
    this.#round = round
  }

  /** A round now: one that is under way is followed by another. Resolves when it has ended. */
  now(): Promise<void> {
    if (!this.#open) return this.#active ?? Promise.resolve()
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#active !== undefined) this.#again = true
    else this.#active = this.#run()
    return this.#active
  }

  /** Opens without a round; the first comes after `delayMs`. */
  protected onStart(): void {
    this.#open = true
  }

  /** The first round comes after `delayMs`. */
  arm(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#open ? this.#clock.after(delayMs, () => void this.now()) : undefined
  }

  protected async onStop(): Promise<void> {
    this.#open = false
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#active
  }

  async #run(): Promise<void> {
    let waitMs: number
    do {
      this.#again = false
      waitMs = await this.#round()
    } while (this.#again && this.#open)
    this.#active = undefined
    if (this.#open) this.arm(waitMs)
  }
}
