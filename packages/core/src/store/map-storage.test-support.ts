/** Storage on maps, for tests of what stands above a storage. */
import type { IStorageEngine, ListOptions, StoredRecord } from '../contracts/storage-engine.ts'

/** The required methods on maps, each call one turn of the event loop, so that what interleaves on a server interleaves here. */
export class BareMapStorage implements IStorageEngine {
  readonly #maps: Map<string, Map<string, unknown>>
  protected readonly turn: () => Promise<void>

  /** `turn`: what each call waits for before it is applied. `maps`: what several engines share, as clients share a server. */
  constructor(turn: () => Promise<void> = nextTurn, maps: Map<string, Map<string, unknown>> = new Map()) {
    this.turn = turn
    this.#maps = maps
  }

  async save<T>(namespace: string, id: string, value: T): Promise<void> {
    await this.turn()
    this.of(namespace).set(id, structuredClone(value))
  }
  async get<T>(namespace: string, id: string): Promise<T | null> {
    await this.turn()
    return structuredClone((this.of(namespace).get(id) as T | undefined) ?? null)
  }
  async list<T>(namespace: string, _filter?: unknown, options: ListOptions = {}): Promise<T[]> {
    await this.turn()
    const from = options.offset ?? 0
    const sorted = [...this.of(namespace)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value as T)
    return structuredClone(sorted.slice(from, from + (options.limit ?? sorted.length)))
  }
  async delete(namespace: string, id: string): Promise<void> {
    await this.turn()
    this.of(namespace).delete(id)
  }
  async prune(namespace: string, beforeMs: number): Promise<number> {
    await this.turn()
    const old = [...this.of(namespace)].filter(
      ([, value]) => (value as { createdAt: number }).createdAt < beforeMs,
    )
    for (const [id] of old) this.of(namespace).delete(id)
    return old.length
  }
  async count(namespace: string): Promise<number> {
    return this.of(namespace).size
  }
  of(namespace: string): Map<string, unknown> {
    const map = this.#maps.get(namespace) ?? new Map<string, unknown>()
    this.#maps.set(namespace, map)
    return map
  }
}

/** With compare-and-set and pages. */
export class MapStorage extends BareMapStorage {
  async compareAndSet<T>(
    namespace: string,
    id: string,
    expectedRev: number | null,
    value: T,
  ): Promise<boolean> {
    await this.turn()
    const stored = this.of(namespace).get(id) as { rev?: number } | undefined
    const held = (stored === undefined ? null : (stored.rev ?? 0)) === expectedRev
    if (held) this.of(namespace).set(id, structuredClone(value))
    return held
  }
  async page<T>(
    namespace: string,
    _filter: unknown,
    options: { limit: number; after?: string },
  ): Promise<StoredRecord<T>[]> {
    await this.turn()
    return [...this.of(namespace)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .filter(([id]) => options.after === undefined || id > options.after)
      .slice(0, options.limit)
      .map(([id, value]) => ({ id, value: structuredClone(value) as T }))
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
