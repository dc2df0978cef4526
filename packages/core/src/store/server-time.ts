import type { IStorageEngine } from '../contracts/storage-engine.ts'
import type { Clock } from '../values/clock.ts'

/** How far two clocks may drift apart: 200 parts per million, several times what hardware does. */
const DRIFT = 0.0002

interface Sample {
  /** Server time minus monotonic time, milliseconds. */
  readonly offset: number
  /** The most the offset was wrong when it was measured: half the round trip. */
  readonly error: number
  /** Monotonic instant of the measurement. */
  readonly at: number
}

/**
 * The storage server's clock as this process knows it: its offset is measured with `now()` and counted on the monotonic clock in
 * between, so that a wall clock that is wrong, or jumps, changes nothing. A storage without `now` leaves only the process's clock.
 */
export class ServerTime {
  readonly #storage: Pick<IStorageEngine, 'now'>
  readonly #clock: Clock
  #sample: Sample | undefined

  constructor(storage: Pick<IStorageEngine, 'now'>, clock: Clock) {
    this.#storage = storage
    this.#clock = clock
  }

  /** Epoch milliseconds of the storage server, fractions included. Before the first {@link measure}: the process's clock. */
  now(): number {
    if (!this.#sample) return this.#clock.now()
    return this.#sample.offset + this.#clock.monotonic()
  }

  /**
   * Measures anew, taking the server to have answered in the middle of the round trip. A slow answer does not replace a better
   * measurement that agrees with it; one that disagrees does (the server's clock was set). Rejects as the storage does.
   */
  async measure(): Promise<void> {
    if (!this.#storage.now) return
    const sentAt = this.#clock.monotonic()
    const server = await this.#storage.now()
    const answeredAt = this.#clock.monotonic()
    const taken: Sample = {
      offset: server - (sentAt + answeredAt) / 2,
      error: (answeredAt - sentAt) / 2,
      at: answeredAt,
    }
    if (!this.#sample || !this.#keeps(this.#sample, taken)) this.#sample = taken
  }

  #keeps(old: Sample, taken: Sample): boolean {
    const error = old.error + (taken.at - old.at) * DRIFT
    return error < taken.error && Math.abs(old.offset - taken.offset) <= error + taken.error
  }
}
