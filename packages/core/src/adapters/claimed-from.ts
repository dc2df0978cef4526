/** How many claims are remembered at least: far more than a process holds at a time. */
const LEAST = 10_000

/** Which queue an id was last claimed from for a consumer, for `extendLock` without a name. The oldest are forgotten. */
export class ClaimedFrom {
  // two generations: to delete the oldest one by one, a Map is walked past all that were deleted before
  #recent = new Map<string, string>()
  #older = new Map<string, string>()

  add(consumerId: string, id: string, name: string): void {
    if (this.#recent.size >= LEAST) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(keyOf(consumerId, id), name)
  }

  get(consumerId: string, id: string): string | undefined {
    const key = keyOf(consumerId, id)
    return this.#recent.get(key) ?? this.#older.get(key)
  }
}

/** NUL is in no name. */
function keyOf(consumerId: string, id: string): string {
  return `${consumerId}\0${id}`
}
