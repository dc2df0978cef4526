import { randomFillSync } from 'node:crypto'
import type { Clock } from '../values/clock.ts'

const HEX3: readonly string[] = Array.from({ length: 4096 }, (_, i) => i.toString(16).padStart(3, '0'))
const DIGITS = '0123456789abcdef'
const VARIANT: readonly string[] = ['8', '9', 'a', 'b']

/** How long the random bits are kept, in milliseconds: a step of the upper 32 bits of the time. */
const EPOCH_MS = 65_536

/**
 * UUIDv7 (RFC 9562): 48 bits of epoch milliseconds, a 12-bit counter within the millisecond, 62 random bits. Ids of one generator
 * strictly grow, also when the clock goes back. The 62 bits tell generators apart: they are drawn anew once a minute, not for each id, and
 * together with the time and the counter that is as unique; so an id costs a few concatenations.
 */
export class JobIds {
  readonly #clock: Pick<Clock, 'now'>
  #ms = Number.NEGATIVE_INFINITY
  #counter = 0
  /** Which 65,536 milliseconds `#ms` lies in, and what all ids of these begin and end with. */
  #epoch = Number.NaN
  #start = ''
  #tail = ''
  /** What all ids of this millisecond begin with. */
  #head = ''

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  next(): string {
    const ms = Math.floor(this.#clock.now())
    if (ms > this.#ms) this.#begin(ms)
    else if (++this.#counter > 4095) this.#begin(this.#ms + 1)
    return this.#head + HEX3[this.#counter] + this.#tail
  }

  /** The counter goes on in its lower quarter: room to count, and not every id of a quiet process looks alike. */
  #begin(ms: number): void {
    this.#ms = ms
    this.#counter = (this.#counter + 1) & 1023
    const time = Math.max(0, ms)
    const epoch = Math.floor(time / EPOCH_MS)
    if (epoch !== this.#epoch) this.#beginEpoch(epoch)
    const rest = time - epoch * EPOCH_MS
    this.#head = `${this.#start}${HEX3[rest >> 4]}${DIGITS[rest & 15]}-7`
  }

  #beginEpoch(epoch: number): void {
    this.#epoch = epoch
    const [a, b, c] = randomFillSync(new Uint32Array(3)) as unknown as [number, number, number]
    this.#start = `${epoch.toString(16).padStart(8, '0')}-`
    this.#tail = `-${VARIANT[a >>> 30]}${HEX3[b & 4095]}-${HEX3[(b >>> 12) & 4095]}${HEX3[c & 4095]}${HEX3[(c >>> 12) & 4095]}${HEX3[(a >>> 12) & 4095]}`
  }
}
