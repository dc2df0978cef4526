/**
 * A sorted list of distinct items: chunks of at most 512, found by binary search. Adding and removing cost a search and one short
 * move; walking on from any item costs a search.
 */
const CHUNK = 512

export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number
  readonly #chunks: T[][] = []
  #size = 0

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#size
  }

  /** Adds an item that is not there yet. */
  add(item: T): void {
    const chunks = this.#chunks
    this.#size++
    const last = chunks.at(-1)
    if (last === undefined) {
      chunks.push([item])
      return
    }
    if (this.#compare(last.at(-1)!, item) < 0) {
      if (last.length < CHUNK) last.push(item)
      else chunks.push([item])
      return
    }
    const index = this.#chunkOf(item)
    const chunk = chunks[index]!
    chunk.splice(this.#positionIn(chunk, item), 0, item)
    if (chunk.length > CHUNK) chunks.splice(index + 1, 0, chunk.splice(CHUNK >> 1))
  }

  /** Whether it was there. */
  remove(item: T): boolean {
    const index = this.#chunkOf(item)
    const chunk = this.#chunks[index]
    if (chunk === undefined) return false
    const position = this.#positionIn(chunk, item)
    if (this.#compare(chunk[position]!, item) !== 0) return false
    chunk.splice(position, 1)
    if (chunk.length === 0) this.#chunks.splice(index, 1)
    this.#size--
    return true
  }

  /** The items in order, from `start` (itself included, if it is there) on. The list must not change meanwhile. */
  *from(start?: T): Generator<T> {
    let index = start === undefined ? 0 : this.#chunkOf(start)
    let position =
      start === undefined || index >= this.#chunks.length ? 0 : this.#positionIn(this.#chunks[index]!, start)
    for (; index < this.#chunks.length; index++, position = 0) {
      const chunk = this.#chunks[index]!
      for (; position < chunk.length; position++) yield chunk[position]!
    }
  }

  /** How many items are before `item`. */
  rank(item: T): number {
    const index = this.#chunkOf(item)
    let rank = 0
    for (let i = 0; i < index; i++) rank += this.#chunks[i]!.length
    const chunk = this.#chunks[index]
    return chunk === undefined ? rank : rank + this.#positionIn(chunk, item)
  }

  /** The last item before `item`; undefined when there is none. */
  before(item: T): T | undefined {
    const index = this.#chunkOf(item)
    const chunk = this.#chunks[index]
    const position = chunk === undefined ? 0 : this.#positionIn(chunk, item)
    return position > 0 ? chunk![position - 1] : this.#chunks[index - 1]?.at(-1)
  }

  /** The first chunk whose last item is not before `item`. */
  #chunkOf(item: T): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#chunks[middle]!.at(-1)!, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #positionIn(chunk: readonly T[], item: T): number {
    let low = 0
    let high = chunk.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(chunk[middle]!, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
