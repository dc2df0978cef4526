/**
 * Finds a number by an id: open addressing over a typed array, eight bytes a bucket, at most half of the buckets taken. The ids
 * themselves stay where the numbers point to. At a million ids a `Map` takes several times as long, and twice the memory.
 */
const EMPTY = -(2 ** 31)
const FIRST_BUCKETS = 256

export class IdIndex {
  readonly #idOf: (number: number) => string
  /** Two cells a bucket: the id's hash, and its number or EMPTY. */
  #cells: Int32Array = emptyCells(FIRST_BUCKETS)
  #mask = FIRST_BUCKETS - 1
  #size = 0

  /** `idOf` tells the id of every number that was set and not deleted: any integer of 31 bits, negative ones included. */
  constructor(idOf: (number: number) => string) {
    this.#idOf = idOf
  }

  get size(): number {
    return this.#size
  }

  /** `hash`: what {@link hashOf} gives for the id. */
  get(id: string, hash: number): number | undefined {
    const number = this.#cells[this.#cellOf(id, hash) + 1]!
    return number === EMPTY ? undefined : number
  }

  /** Sets the id's number, whatever it was. */
  set(id: string, hash: number, number: number): void {
    const cell = this.#cellOf(id, hash)
    const isNew = this.#cells[cell + 1] === EMPTY
    this.#cells[cell] = hash
    this.#cells[cell + 1] = number
    if (isNew && ++this.#size * 2 > this.#mask + 1) this.#resize((this.#mask + 1) * 2)
  }

  /** Gives the id whose number is `from` the number `to`. */
  renumber(hash: number, from: number, to: number): void {
    const cell = this.#cellOfNumber(hash, from)
    if (cell >= 0) this.#cells[cell + 1] = to
  }

  /** Forgets the id whose number that is, if there is one. */
  delete(hash: number, number: number): void {
    const cell = this.#cellOfNumber(hash, number)
    if (cell < 0) return
    this.#closeGap(cell)
    this.#size--
    const buckets = this.#mask + 1
    if (buckets > FIRST_BUCKETS && this.#size * 8 < buckets) this.#resize(buckets / 2)
  }

  clear(): void {
    this.#cells = emptyCells(FIRST_BUCKETS)
    this.#mask = FIRST_BUCKETS - 1
    this.#size = 0
  }

  /** The cell of the id, or the empty one where it would go. */
  #cellOf(id: string, hash: number): number {
    const cells = this.#cells
    let bucket = hash & this.#mask
    while (true) {
      const number = cells[2 * bucket + 1]!
      if (number === EMPTY || (cells[2 * bucket] === hash && this.#idOf(number) === id)) return 2 * bucket
      bucket = (bucket + 1) & this.#mask
    }
  }

  /** −1: no id has that number. */
  #cellOfNumber(hash: number, wanted: number): number {
    const cells = this.#cells
    let bucket = hash & this.#mask
    while (true) {
      const number = cells[2 * bucket + 1]!
      if (number === wanted) return 2 * bucket
      if (number === EMPTY) return -1
      bucket = (bucket + 1) & this.#mask
    }
  }

  /** Moves up what was pushed past the cell, so that no search ends early at it. */
  #closeGap(cell: number): void {
    const cells = this.#cells
    let gap = cell >> 1
    let bucket = gap
    while (true) {
      bucket = (bucket + 1) & this.#mask
      if (cells[2 * bucket + 1] === EMPTY) break
      const home = cells[2 * bucket]! & this.#mask
      // it may move up unless its home lies behind the gap
      if (((bucket - home) & this.#mask) < ((bucket - gap) & this.#mask)) continue
      cells[2 * gap] = cells[2 * bucket]!
      cells[2 * gap + 1] = cells[2 * bucket + 1]!
      gap = bucket
    }
    cells[2 * gap + 1] = EMPTY
  }

  #resize(buckets: number): void {
    const old = this.#cells
    const cells = emptyCells(buckets)
    const mask = buckets - 1
    for (let cell = 0; cell < old.length; cell += 2) {
      if (old[cell + 1] === EMPTY) continue
      let bucket = old[cell]! & mask
      while (cells[2 * bucket + 1] !== EMPTY) bucket = (bucket + 1) & mask
      cells[2 * bucket] = old[cell]!
      cells[2 * bucket + 1] = old[cell + 1]!
    }
    this.#cells = cells
    this.#mask = mask
  }
}

function emptyCells(buckets: number): Int32Array {
  return new Int32Array(2 * buckets).fill(EMPTY)
}

/** Where a UUIDv7 has its version, and the last digit of what counts within a millisecond. */
const VERSION = 14
const LAST_COUNTED = 17

/**
 * FNV-1a over the UTF-16 units, its bits mixed at the end; but the lowest three bits are those of the digit that counts, which is the
 * last one, or in a UUIDv7 the last one of its counter. So ids made one after the other are neighbours, eight to a cache line, and
 * what is done with them in their order rarely misses the cache, which otherwise costs more than all the rest.
 */
export function hashOf(id: string): number {
  const counted = id.length === 36 && id.charCodeAt(VERSION) === 0x37 ? LAST_COUNTED : id.length - 1
  let hash = 0x811c9dc5
  for (let i = 0; i < counted; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  const digit = id.charCodeAt(counted)
  hash = Math.imul(hash ^ (digit >>> 3), 0x01000193)
  for (let i = counted + 1; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) & ~7) | (digit & 7)
}
