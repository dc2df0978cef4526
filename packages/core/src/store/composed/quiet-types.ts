/** How many claims in a row a quiet type is left out of: a wake that was lost costs as many polls. */
const LEFT_OUT = 2

/**
 * Types that need not be asked for: a broker that wakes says when something is published, so a type that gave nothing, and of which
 * nothing is to become due, is left alone until then. Wakes may get lost, so every few claims there is a look all the same.
 */
export class QuietTypes {
  /** Types of which wakes come, with how many listen. */
  readonly #watched: Map<string, number> = new Map()
  /** Quiet ones, with how many claims they were left out of. */
  readonly #quiet: Map<string, number> = new Map()
  readonly #wakes: Map<string, number> = new Map()
  #incarnation: string | undefined

  /** From now on wakes of these come to {@link woken}; until the result is called. */
  watch(types: readonly string[]): () => void {
    for (const type of types) this.#watched.set(type, (this.#watched.get(type) ?? 0) + 1)
    return () => {
      for (const type of types) {
        const left = (this.#watched.get(type) ?? 0) - 1
        if (left > 0) this.#watched.set(type, left)
        else this.#watched.delete(type)
      }
    }
  }

  woken(type: string): void {
    this.#quiet.delete(type)
    this.#wakes.set(type, (this.#wakes.get(type) ?? 0) + 1)
  }

  /** A broker that lost its data lost who is to be woken, too, and is filled again: nothing is known to be quiet any more. */
  sawIncarnation(incarnation: string | undefined): void {
    const before = this.#incarnation
    this.#incarnation = incarnation
    if (before !== undefined && before !== incarnation)
      for (const type of this.#watched.keys()) this.woken(type)
  }

  /** What a claim does about the type: ask for jobs of it; look whether there are any, which is cheaper; or leave it out. */
  turnOf(type: string): 'ask' | 'look' | 'rest' {
    const leftOut = this.#quiet.get(type)
    if (leftOut === undefined || !this.#watched.has(type)) return 'ask'
    this.#quiet.set(type, (leftOut + 1) % (LEFT_OUT + 1))
    return leftOut < LEFT_OUT ? 'rest' : 'look'
  }

  /** To be called before a type is asked for; and its result with whether it has nothing, neither now nor later. */
  asking(type: string): (empty: boolean) => void {
    const wakes = this.#wakes.get(type)
    return (empty) => {
      // a wake meanwhile may be of what came too late for this claim
      if (empty && wakes === this.#wakes.get(type) && this.#watched.has(type)) this.#quiet.set(type, 0)
      else this.#quiet.delete(type)
    }
  }
}
