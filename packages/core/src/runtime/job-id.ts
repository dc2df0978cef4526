import { randomFillSync } from 'node:crypto'

const HEX3: readonly string[] = Array.from({ length: 4096 }, (_, i) => i.toString(16).padStart(3, '0'))
const VARIANT: readonly string[] = ['8', '9', 'a', 'b']
const POOL_WORDS = 1024

/**
 * UUIDv7 (RFC 9562): 48 bits of epoch milliseconds, a 12-bit counter within the millisecond, 62 random bits. Ids of one generator
 * strictly grow, also when the clock goes back. The random bits are drawn anew each millisecond, not for each id: together with the
 * counter that is as unique, and it makes an id cost three concatenations.
 */
export class JobIds {
  readonly #now: () => number
  readonly #pool: Uint32Array = new Uint32Array(POOL_WORDS)
  #left = 0
  #ms = Number.NEGATIVE_INFINITY
  #counter = 0
  #head = ''
  #tail = ''

  /** `now`: epoch milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  next(): string {
    const ms = Math.floor(this.#now())
    if (ms > this.#ms) this.#begin(ms)
    else if (++this.#counter > 4095) this.#begin(this.#ms + 1)
    return this.#head + HEX3[this.#counter] + this.#tail
  }

  /** The counter starts in its lower quarter: room to count, and not every id of a quiet process looks alike. */
  #begin(ms: number): void {
    this.#ms = ms
    const time = Math.max(0, ms).toString(16).padStart(12, '0')
    const a = this.#random()
    const b = this.#random()
    const c = this.#random()
    this.#counter = a & 1023
    this.#head = `${time.slice(0, 8)}-${time.slice(8)}-7`
    this.#tail = `-${VARIANT[a >>> 30]}${HEX3[b & 4095]}-${HEX3[(b >>> 12) & 4095]}${HEX3[c & 4095]}${HEX3[(c >>> 12) & 4095]}${HEX3[(a >>> 12) & 4095]}`
  }

  #random(): number {
    if (this.#left === 0) {
      randomFillSync(this.#pool)
      this.#left = POOL_WORDS
    }
    return this.#pool[--this.#left]!
  }
}
