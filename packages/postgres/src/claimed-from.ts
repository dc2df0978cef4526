/** How many claims are remembered: far more than a process holds at a time. */
const MOST = 20_000

/** Which queue an id was last claimed from for a consumer, for `extendLock` without a name. The oldest are forgotten. */
export class ClaimedFrom {
  readonly #names = new Map<string, string>()

  add(consumerId: string, id: string, name: string): void {
    const key = keyOf(consumerId, id)
    this.#names.delete(key)
    this.#names.set(key, name)
    if (this.#names.size <= MOST) return
    for (const oldest of this.#names.keys()) {
      this.#names.delete(oldest)
      return
    }
  }

  get(consumerId: string, id: string): string | undefined {
    return this.#names.get(keyOf(consumerId, id))
  }
}

/** NUL is in no name. */
function keyOf(consumerId: string, id: string): string {
  return `${consumerId}\0${id}`
}
