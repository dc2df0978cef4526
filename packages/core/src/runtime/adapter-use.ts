import type { Adapters } from '../contracts/backend.ts'

/** How many schedulers of this process were made on these adapters and not stopped: the last one to stop closes them. */
const users: WeakMap<object, number> = new WeakMap()

export class AdapterUse {
  readonly #key: object
  #ended = false

  constructor({ storage }: Adapters) {
    this.#key = storage
    users.set(storage, (users.get(storage) ?? 0) + 1)
  }

  /** Calls `close` when nobody else uses them. Idempotent. */
  async end(close: (() => Promise<void>) | undefined): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    const others = users.get(this.#key)! - 1
    users.set(this.#key, others)
    if (others === 0) await close?.()
  }
}
