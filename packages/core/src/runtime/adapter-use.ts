import type { Adapters } from '../contracts/backend.ts'

/** How many schedulers of this process use these adapters: the last one to stop closes them. */
const users: WeakMap<object, number> = new WeakMap()

export class AdapterUse {
  readonly #adapters: Adapters
  #counted = false

  constructor(adapters: Adapters) {
    this.#adapters = adapters
  }

  begin(): void {
    if (this.#counted) return
    this.#counted = true
    users.set(this.#adapters.storage, (users.get(this.#adapters.storage) ?? 0) + 1)
  }

  /** Calls `close` when nobody else uses them. */
  async end(close: (() => Promise<void>) | undefined): Promise<void> {
    if (this.#counted) {
      this.#counted = false
      users.set(this.#adapters.storage, users.get(this.#adapters.storage)! - 1)
    }
    if (!users.get(this.#adapters.storage)) await close?.()
  }
}
