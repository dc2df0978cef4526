/**
 * Who wants to hear that something became claimable. A wake is a hint, never truth; however many jobs arrive in one synchronous
 * stretch, each listener hears of a name once, in a microtask of its own.
 */
export class Wakes {
  readonly #listeners: Map<string, Set<(name: string) => void>> = new Map()
  readonly #pending: Set<string> = new Set()
  #last: string | undefined

  /** The names somebody listens to. */
  names(): Iterable<string> {
    return this.#listeners.keys()
  }

  /** Whether somebody listens to `name`. */
  has(name: string): boolean {
    return this.#listeners.has(name)
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0
  }

  wake(name: string): void {
    if (name === this.#last || !this.#listeners.has(name)) return
    if (this.#pending.size === 0) queueMicrotask(() => this.#flush())
    this.#pending.add(name)
    this.#last = name
  }

  /** Returns the way to stop. */
  listen(names: readonly string[], onWake: (name: string) => void): () => void {
    // a listener of its own per call: the same function may listen twice, and stop once
    const listener = (name: string) => onWake(name)
    for (const name of names) {
      const set = this.#listeners.get(name)
      if (set === undefined) this.#listeners.set(name, new Set([listener]))
      else set.add(listener)
    }
    return () => {
      for (const name of names) {
        const set = this.#listeners.get(name)
        if (set?.delete(listener) && set.size === 0) this.#listeners.delete(name)
      }
    }
  }

  #flush(): void {
    const names = [...this.#pending]
    this.#pending.clear()
    this.#last = undefined
    for (const name of names) {
      for (const listener of [...(this.#listeners.get(name) ?? [])]) {
        try {
          listener(name)
        } catch (error) {
          // the others still hear of it, and the fault surfaces where a listener's faults do
          process.emitWarning(error instanceof Error ? error : String(error))
        }
      }
    }
  }
}
