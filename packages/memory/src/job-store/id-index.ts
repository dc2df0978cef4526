/**
 * Finds a number by an id: open addressing over typed arrays, eight bytes a bucket. The ids themselves stay where the numbers point
 * to. At a million ids a lookup is one or two cache misses; a `Map` takes several times as long and thrice the memory.
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
    if (isNew && ++this.#size * 8 > (this.#mask + 1) * 5) this.#resize((this.#mask + 1) * 2)
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

/** FNV-1a over the UTF-16 units, its bits mixed at the end, so that ids that differ in one digit land far apart. */
export function hashOf(id: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return hash ^ (hash >>> 13)
}
