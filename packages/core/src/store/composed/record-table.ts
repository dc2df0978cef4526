import { inChunks } from '../../adapters/chunks.ts'
import { MAX_BATCH } from '../../contracts/job-store.ts'
import type {
  CompareAndSetItem,
  Filter,
  IStorageEngine,
  ListOptions,
  PatchItem,
  PatchOptions,
  StoredRecord,
} from '../../contracts/storage-engine.ts'
import { SchedError, UnsupportedError } from '../../errors/sched-error.ts'
import { inParallel } from './in-parallel.ts'
import type { Versioned } from './job-row.ts'
import type { StorageHealth } from './storage-health.ts'

/** A record that the storage has and cannot read. */
export class Unreadable {
  readonly error: Error
  constructor(error: Error) {
    this.error = error
  }
}

export interface Row extends Versioned {
  readonly id: string
}

/** How a row is written, and read again: what `unpack` does not know it leaves as it is. */
export interface Packing<T> {
  pack(row: T): unknown
  unpack(stored: unknown): unknown
}

const AS_IT_IS: Packing<unknown> = { pack: (row) => row, unpack: (stored) => stored }

/**
 * One namespace of versioned records, by batches where the storage has them and by single calls else. With compare-and-set every write
 * is fenced by `rev`. Without, a write always succeeds: the base tier, whose user was warned.
 */
export class RecordTable<T extends Row> {
  readonly #storage: IStorageEngine
  readonly #namespace: string
  readonly #health: StorageHealth
  readonly #packing: Packing<T>

  constructor(
    storage: IStorageEngine,
    namespace: string,
    health: StorageHealth,
    packing: Packing<T> = AS_IT_IS,
  ) {
    this.#storage = storage
    this.#namespace = namespace
    this.#health = health
    this.#packing = packing
  }

  get fenced(): boolean {
    return this.#storage.compareAndSet !== undefined
  }

  /** Whether {@link patch} is there. */
  get patches(): boolean {
    return this.fenced && this.#storage.patchMany !== undefined
  }

  /** The same table inside the user's transaction. Throws UNSUPPORTED where the storage has no `within`. */
  within(transaction: unknown): RecordTable<T> {
    if (!this.#storage.within) {
      throw new UnsupportedError(
        'this storage adapter has no `within`, so it cannot insert in a transaction: leave `tx` out',
      )
    }
    return new RecordTable(this.#storage.within(transaction), this.#namespace, this.#health, this.#packing)
  }

  /** One answer per id, in order; a record that cannot be decoded comes as {@link Unreadable} and hides no other. */
  async read(ids: readonly string[]): Promise<(T | Unreadable | null)[]> {
    if (ids.length === 0) return []
    if (ids.length === 1 || !this.#storage.getMany) return this.#readEach(ids)
    try {
      const records = await this.#call(() => this.#storage.getMany!(this.#namespace, ids))
      return records.map((record) => this.#unpack(record))
    } catch (error) {
      if (isUndecodable(error)) return this.#readEach(ids)
      throw error
    }
  }

  /** Stores what has no record yet: true, or false where there is one. */
  async insert(rows: readonly T[]): Promise<boolean[]> {
    return this.#write(rows.map((row) => ({ id: row.id, expectedRev: null, value: this.#packing.pack(row) })))
  }

  /** Replaces each row whose record is still at the rev before: true, or false where it is not. */
  async replace(rows: readonly T[]): Promise<boolean[]> {
    return this.#write(
      rows.map((row) => ({ id: row.id, expectedRev: row.rev - 1, value: this.#packing.pack(row) })),
    )
  }

  /**
   * Changes some fields of records for which that holds, fenced by `where` instead of `rev`: the row afterwards, under a rev that was never
   * given, null where it was refused. Only with {@link patches}.
   */
  async patchAndRead(items: readonly PatchItem[], lasting: boolean): Promise<(T | null)[]> {
    const records = await this.#patch<unknown>(items, { read: true, lasting, freshRev: true })
    return records.map((record) => (record === null ? null : this.#unpack(record)))
  }

  /** As {@link patchAndRead}, only whether it was done, for good. */
  async patch(items: readonly PatchItem[]): Promise<boolean[]> {
    return (await this.#patch(items, {})).map((done) => done !== null)
  }

  async find(filter: Filter, options: ListOptions): Promise<T[]> {
    const records = await this.#call(() => this.#storage.list(this.#namespace, filter, options))
    return records.map((record) => this.#unpack(record))
  }

  /** In id order, from behind `after`; `next` is null at the end. Without `page` in the storage: by offset. */
  async page(
    filter: Filter | undefined,
    limit: number,
    after: string | null,
  ): Promise<{ readonly rows: T[]; readonly next: string | null }> {
    if (this.#storage.page) {
      const records: StoredRecord<unknown>[] = await this.#call(() =>
        this.#storage.page!(this.#namespace, filter, { limit, ...(after === null ? {} : { after }) }),
      )
      return {
        rows: records.map(({ value }) => this.#unpack(value)),
        next: records.length < limit ? null : (records.at(-1)?.id ?? null),
      }
    }
    const offset = Number(after ?? 0)
    const rows = await this.find(filter ?? {}, { limit, offset: Number.isSafeInteger(offset) ? offset : 0 })
    return { rows, next: rows.length < limit ? null : String(offset + rows.length) }
  }

  async count(filter: Filter): Promise<number> {
    return this.#call(() => this.#storage.count(this.#namespace, filter))
  }

  /** Deletes the records whose `finishedAt` is before `now`: atomic, record by record, on the server. */
  async prune(now: number): Promise<number> {
    return this.#call(() => this.#storage.prune(this.#namespace, now))
  }

  async delete(id: string): Promise<void> {
    return this.#call(() => this.#storage.delete(this.#namespace, id))
  }

  async #patch<R>(items: readonly PatchItem[], options: PatchOptions): Promise<(R | null)[]> {
    const answers: (R | null)[] = []
    for (const chunk of inChunks(items, MAX_BATCH))
      answers.push(...(await this.#call(() => this.#storage.patchMany!<R>(this.#namespace, chunk, options))))
    return answers
  }

  async #write(items: readonly CompareAndSetItem<unknown>[]): Promise<boolean[]> {
    if (items.length === 0) return []
    if (items.length > MAX_BATCH) {
      const [first, rest] = [items.slice(0, MAX_BATCH), items.slice(MAX_BATCH)]
      return [...(await this.#write(first)), ...(await this.#write(rest))]
    }
    const { compareAndSet, compareAndSetMany, saveMany } = this.#storage
    if (compareAndSetMany && (items.length > 1 || !compareAndSet))
      return this.#call(() => this.#storage.compareAndSetMany!(this.#namespace, items))
    if (compareAndSet) {
      return inParallel(items, ({ id, expectedRev, value }) =>
        this.#call(() => this.#storage.compareAndSet!(this.#namespace, id, expectedRev, value)),
      )
    }
    const taken = await this.#takenIds(items)
    const free = items.filter(({ id }) => !taken.has(id))
    if (saveMany) await this.#call(() => this.#storage.saveMany!(this.#namespace, free))
    else
      await inParallel(free, ({ id, value }) =>
        this.#call(() => this.#storage.save(this.#namespace, id, value)),
      )
    return items.map(({ id }) => !taken.has(id))
  }

  /** The base tier's inserts look first, and may still meet: its users were warned. */
  async #takenIds(items: readonly CompareAndSetItem<unknown>[]): Promise<Set<string>> {
    const ids = items.filter(({ expectedRev }) => expectedRev === null).map(({ id }) => id)
    const found = await this.read(ids)
    return new Set(ids.filter((_, index) => found[index] !== null))
  }

  #readEach(ids: readonly string[]): Promise<(T | Unreadable | null)[]> {
    return inParallel(ids, async (id) => {
      try {
        return this.#unpack(await this.#call(() => this.#storage.get(this.#namespace, id)))
      } catch (error) {
        if (isUndecodable(error)) return new Unreadable(error)
        throw error
      }
    })
  }

  #unpack(record: unknown): T {
    return this.#packing.unpack(record) as T
  }

  #call<R>(call: () => Promise<R>): Promise<R> {
    return this.#health.watch(call)
  }
}

/** Some record of a call could not be read. */
export function isUndecodable(error: unknown): error is SchedError {
  return error instanceof SchedError && error.code === 'VALUE_UNSERIALIZABLE'
}
