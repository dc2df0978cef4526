/**
 * Concurrent single calls become batches: one call is in flight, and whatever arrives meanwhile is the next one. No timers, so a lone
 * call costs what it did; a thousand schedules due at one instant cost a few round trips instead of thousands.
 */
import { MAX_BATCH } from '../contracts/job-store.ts'
import type { CompareAndSetItem, IStorageEngine } from '../contracts/storage-engine.ts'
import { SchedError } from '../errors/sched-error.ts'

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly key: string
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

export class Coalescer<Item, Answer> {
  readonly #send: (items: readonly Item[]) => Promise<readonly Answer[]>
  readonly #keyOf: (item: Item) => string
  #waiting: Waiting<Item, Answer>[] = []
  #flying = false

  /** `send`: one answer per item, in order. `keyOf`: items of one key never share a batch. */
  constructor(send: (items: readonly Item[]) => Promise<readonly Answer[]>, keyOf: (item: Item) => string) {
    this.#send = send
    this.#keyOf = keyOf
  }

  /** Rejects with what its batch rejected with. */
  add(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, key: this.#keyOf(item), resolve, reject })
      if (!this.#flying) void this.#fly()
    })
  }

  async #fly(): Promise<void> {
    this.#flying = true
    while (this.#waiting.length > 0) await this.#deliver(this.#take())
    this.#flying = false
  }

  #take(): Waiting<Item, Answer>[] {
    const batch = new Map<string, Waiting<Item, Answer>>()
    const left: Waiting<Item, Answer>[] = []
    for (const one of this.#waiting) {
      if (batch.size < MAX_BATCH && !batch.has(one.key)) batch.set(one.key, one)
      else left.push(one)
    }
    this.#waiting = left
    return [...batch.values()]
  }

  async #deliver(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#send(batch.map(({ item }) => item))
      for (const [i, { resolve }] of batch.entries()) resolve(answers[i]!)
    } catch (error) {
      // one value the storage refuses must not fail the others; what is down is down for all
      if (batch.length > 1 && isRefusal(error)) for (const one of batch) await this.#deliver([one])
      else for (const { reject } of batch) reject(error)
    }
  }
}

const REFUSALS: readonly string[] = ['INVALID_ARGUMENT', 'VALUE_UNSERIALIZABLE', 'VALUE_TOO_LARGE']

function isRefusal(error: unknown): boolean {
  return error instanceof SchedError && REFUSALS.includes(error.code)
}

/** What of a storage is worth batching: reads and compare-and-sets of single records, in one namespace. */
export class CoalescingRecords<T> {
  readonly get: (id: string) => Promise<T | null>
  readonly compareAndSet: (item: CompareAndSetItem<T>) => Promise<boolean>
  readonly delete: (id: string) => Promise<void>

  /** `compareAndSet`: the single one, the storage's own or what stands in for it. */
  constructor(
    storage: IStorageEngine,
    namespace: string,
    compareAndSet: (namespace: string, id: string, expectedRev: number | null, value: T) => Promise<boolean>,
  ) {
    const ofId = (id: string) => id
    const single = ({ id, expectedRev, value }: CompareAndSetItem<T>) =>
      compareAndSet(namespace, id, expectedRev, value)
    const { getMany, compareAndSetMany, deleteMany } = storage

    this.get = batched(
      ofId,
      (id) => storage.get<T>(namespace, id),
      getMany && ((ids) => getMany.call(storage, namespace, ids) as Promise<(T | null)[]>),
    )
    this.compareAndSet = batched(
      (item) => item.id,
      single,
      compareAndSetMany && ((items) => compareAndSetMany.call(storage, namespace, items)),
    )
    this.delete = batched(
      ofId,
      (id) => storage.delete(namespace, id),
      deleteMany &&
        (async (ids) => {
          await deleteMany.call(storage, namespace, ids)
          return ids.map(() => undefined)
        }),
    )
  }
}

/** `one` alone, or with `many`, which then gets what comes at once; a lone call always goes through `one`. */
function batched<Item, Answer>(
  keyOf: (item: Item) => string,
  one: (item: Item) => Promise<Answer>,
  many: ((items: readonly Item[]) => Promise<readonly Answer[]>) | undefined,
): (item: Item) => Promise<Answer> {
  if (!many) return one
  const coalescer = new Coalescer<Item, Answer>(
    async (items) => (items.length === 1 ? [await one(items[0]!)] : many(items)),
    keyOf,
  )
  return (item) => coalescer.add(item)
}
