import type { IStorageEngine } from '../contracts/storage-engine.ts'

/** A record whose writes are fenced by `rev`. */
export interface Fenced {
  readonly rev: number
}

/** Stores `value` iff the stored `rev` is `expectedRev`; null: iff there is no record. Resolves to whether it did. */
export type CompareAndSet = <T extends Fenced>(
  namespace: string,
  id: string,
  expectedRev: number | null,
  value: T,
) => Promise<boolean>

/**
 * The storage's own compare-and-set, or, where it has none, a weaker way: read, compare, save, one after the other within this process.
 * Between two processes the weaker way can lose a write or start a due instant twice; whoever uses it must say so.
 */
export function compareAndSetOf(storage: IStorageEngine): CompareAndSet {
  const native = storage.compareAndSet
  if (native)
    return (namespace, id, expectedRev, value) => native.call(storage, namespace, id, expectedRev, value)
  const inLine = new Line()
  return (namespace, id, expectedRev, value) =>
    inLine.take(`${namespace.length}:${namespace}${id}`, async () => {
      const stored = await storage.get<Fenced>(namespace, id)
      if ((stored === null ? null : (stored.rev ?? 0)) !== expectedRev) return false
      await storage.save(namespace, id, value)
      return true
    })
}

/** Runs what has the same key one after the other. */
class Line {
  readonly #last = new Map<string, Promise<unknown>>()

  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const mine = before === undefined ? work() : before.then(work, work)
    this.#last.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
  }
}
