/** Items kept in order, so that looking at the head costs nothing however long the line is. */
export class Line<T> {
  readonly #before: (a: T, b: T) => number
  #items: T[] = []

  /** `before`: negative when `a` comes first; zero only for the same item. */
  constructor(before: (a: T, b: T) => number) {
    this.#before = before
  }

  add(item: T): void {
    this.#items.splice(this.#placeOf(item), 0, item)
  }

  /** The item must still compare as it did when it was added. */
  remove(item: T): void {
    const place = this.#placeOf(item)
    if (this.#items[place] === item) this.#items.splice(place, 1)
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]()
  }

  toReversed(): T[] {
    return this.#items.toReversed()
  }

  get length(): number {
    return this.#items.length
  }

  #placeOf(item: T): number {
    let low = 0
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#before(this.#items[middle]!, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
