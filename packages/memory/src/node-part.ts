import { ClosedError, type Lifecycle } from '@sched/core/adapter'

/** The life of one adapter of a node. Closing it ends what it has under way, and nothing of the data. */
export abstract class NodePart implements Lifecycle {
  readonly #what: string
  readonly #endings: Set<() => void> = new Set()
  #reset: (() => void) | undefined
  #closed = false

  /** `what`: its name in errors. `reset`: what its first `ready` clears. */
  constructor(what: string, reset?: () => void) {
    this.#what = what
    this.#reset = reset
  }

  async ready(): Promise<void> {
    this.assertOpen()
    this.#reset?.()
    this.#reset = undefined
  }

  async ping(): Promise<void> {
    this.assertOpen()
  }

  async close(): Promise<void> {
    this.#closed = true
    const endings = [...this.#endings]
    this.#endings.clear()
    for (const end of endings) end()
  }

  /** Calls `end` once, when this part closes or when the returned function is called, whichever comes first. */
  endsWith(end: () => void): () => void {
    this.#endings.add(end)
    return () => {
      if (this.#endings.delete(end)) end()
    }
  }

  /** Throws CLOSED. */
  protected assertOpen(): void {
    if (this.#closed) throw new ClosedError(this.#what)
  }
}
