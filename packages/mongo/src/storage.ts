import { randomUUID } from 'node:crypto'
import {
  type CompareAndSetItem,
  checkName,
  type Filter,
  InvalidArgumentError,
  type IStorageEngine,
  inChunks,
  type ListOptions,
  type PatchItem,
  type PatchOptions,
  type StoredRecord,
  type Traits,
} from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { keyUnder } from './collections.ts'
import type { RecordId } from './commands/record-document.ts'
import { compareAndSetRecords } from './commands/storage-compare-and-set.ts'
import { countRecords } from './commands/storage-count.ts'
import { deleteRecords } from './commands/storage-delete.ts'
import { findRecords } from './commands/storage-find.ts'
import { getRecords } from './commands/storage-get.ts'
import { patchRecords } from './commands/storage-patch.ts'
import { pruneRecords } from './commands/storage-prune.ts'
import { saveRecords } from './commands/storage-save.ts'
import type { Executor } from './connection.ts'
import { durabilityOf, MongoAdapter } from './mongo-adapter.ts'
import { decodeRecord, encodeRecord } from './record-codec.ts'
import { userSession } from './session.ts'
import { indexesFor } from './storage-index.ts'
import { type AlikePatches, alikePatches, type Patch } from './storage-patch.ts'
import { matching, ordering } from './storage-query.ts'
import { alikeReplacements } from './storage-replace.ts'

/** Most records of one command. */
const BATCH = 1_000
/** Most fields that get an index: a collection holds 64, and each costs every write. */
const MOST_INDEXES = 32

/** Records in one collection, their fields as the server compares them. Every record changes in one step, decided by the server. */
export class MongoStorage extends MongoAdapter implements IStorageEngine {
  /** What the commands run on. */
  protected readonly executor: Executor
  readonly #indexed = new Set<string>()

  constructor(backend: Backend, executor: Executor = backend.connection) {
    super(backend, 'the MongoDB storage', executor === backend.connection)
    this.executor = executor
  }

  get traits(): Partial<Traits> {
    const { maxValueBytes } = this.backend.settings
    return { clock: 'server', durability: durabilityOf(this.backend), maxValueBytes }
  }

  async save<T>(namespace: string, id: string, value: T): Promise<void> {
    await this.saveMany(namespace, [{ id, value }])
  }

  async saveMany<T>(namespace: string, records: readonly StoredRecord<T>[]): Promise<void> {
    const s = this.#key(namespace)
    // an id named twice ends as its last value
    const rows = new Map(records.map(({ id, value }) => [id, { id: idOf(s, id), body: this.#body(value) }]))
    const callId = randomUUID()
    for (const chunk of inChunks([...rows.values()], BATCH)) await saveRecords(this.executor, chunk, callId)
  }

  async get<T>(namespace: string, id: string): Promise<T | null> {
    const [value] = await this.getMany<T>(namespace, [id])
    return value ?? null
  }

  async getMany<T>(namespace: string, ids: readonly string[]): Promise<(T | null)[]> {
    const s = this.#key(namespace)
    const found = new Map<string, T>()
    const wanted = [...new Set(ids)].map((id) => idOf(s, id))
    for (const chunk of inChunks(wanted, BATCH)) {
      for (const record of await getRecords(this.executor, chunk))
        found.set(record._id.i, decodeRecord<T>(record))
    }
    // an id asked for twice gets two copies
    const given = new Set<string>()
    return ids.map((id) => {
      const value = found.get(id)
      if (value === undefined) return null
      if (!given.has(id)) {
        given.add(id)
        return value
      }
      return structuredClone(value)
    })
  }

  async delete(namespace: string, id: string): Promise<void> {
    await this.deleteMany(namespace, [id])
  }

  async deleteMany(namespace: string, ids: readonly string[]): Promise<number> {
    const s = this.#key(namespace)
    const rows = [...new Set(ids)].map((id) => idOf(s, id))
    let deleted = 0
    for (const chunk of inChunks(rows, BATCH)) deleted += await deleteRecords(this.executor, chunk)
    return deleted
  }

  async compareAndSet<T>(
    namespace: string,
    id: string,
    expectedRev: number | null,
    value: T,
  ): Promise<boolean> {
    const [stored] = await this.compareAndSetMany(namespace, [{ id, expectedRev, value }])
    return stored === true
  }

  async compareAndSetMany<T>(namespace: string, items: readonly CompareAndSetItem<T>[]): Promise<boolean[]> {
    const s = this.#key(namespace)
    const rows = items.map(({ id, expectedRev, value }, place) => ({
      id: idOf(s, id),
      expected: checkedRev(expectedRev),
      body: this.#body(value),
      place,
    }))
    const answers = new Array<boolean>(items.length).fill(false)
    for (const chunk of inTurns(rows)) {
      const { alike, others } = alikeReplacements(chunk)
      const done = await this.#replaced(alike)
      const stored = others.length > 0 ? await compareAndSetRecords(this.executor, others, randomUUID()) : []
      for (const { id, place } of chunk) answers[place] = done.has(id.i)
      for (const [i, { place }] of others.entries()) answers[place] = stored[i] === true
    }
    return answers
  }

  async patchMany<T = true>(
    namespace: string,
    items: readonly PatchItem[],
    { read = false, lasting = true, freshRev = false }: PatchOptions = {},
  ): Promise<(T | null)[]> {
    const s = this.#key(namespace)
    const { maxValueBytes } = this.backend.settings
    const patches = items.map((item, place): Patch => ({ id: idOf(s, item.id), place, item }))
    // all values are checked before anything is sent
    const turns = [...inTurns(patches)].map((chunk) => ({
      chunk,
      alike: alikePatches(chunk, maxValueBytes, freshRev),
    }))
    const answers = new Array<T | null>(items.length).fill(null)
    for (const { chunk, alike } of turns) {
      const done = await patchRecords(this.executor, alike, randomUUID(), { read, lasting })
      for (const { id, place } of chunk) {
        const answer = done.get(id.i)
        if (answer !== undefined) answers[place] = answer === true ? (true as T) : decodeRecord<T>(answer)
      }
    }
    return answers
  }

  async list<T>(namespace: string, filter?: Filter, options: ListOptions = {}): Promise<T[]> {
    const { limit, offset, orderBy } = options
    const where = matching(this.#key(namespace), filter)
    checkCount(limit, 'limit')
    checkCount(offset, 'offset')
    const order = orderBy === undefined ? undefined : ordering(orderBy)
    if (limit === 0) return []
    const records = await findRecords(this.executor, where, { limit, offset, order })
    return records.map((record) => decodeRecord<T>(record))
  }

  async count(namespace: string, filter?: Filter): Promise<number> {
    return await countRecords(this.executor, matching(this.#key(namespace), filter))
  }

  async page<T>(
    namespace: string,
    filter: Filter | undefined,
    options: { readonly limit: number; readonly after?: string },
  ): Promise<StoredRecord<T>[]> {
    const { limit, after } = options
    checkCount(limit, 'limit')
    if (after !== undefined && after !== '') checkName(after, 'after')
    const where = matching(this.#key(namespace), filter, after === '' ? undefined : after)
    if (limit === 0) return []
    const records = await findRecords(this.executor, where, { limit })
    return records.map((record) => ({ id: record._id.i, value: decodeRecord<T>(record) }))
  }

  async prune(namespace: string, beforeMs: number): Promise<number> {
    const s = this.#key(namespace)
    if (!Number.isFinite(beforeMs))
      throw new InvalidArgumentError(`beforeMs must be epoch milliseconds, not ${beforeMs}`)
    for (let pruned = 0; ; ) {
      const { found, deleted } = await pruneRecords(this.executor, s, beforeMs, BATCH)
      pruned += deleted
      if (found < BATCH) return pruned
    }
  }

  async now(): Promise<number> {
    this.guard()
    return await this.backend.connection.now()
  }

  /** Indexes of the fields, over all namespaces. A field that cannot get one is found without. */
  async index(namespace: string, fields: readonly string[]): Promise<void> {
    this.#key(namespace)
    const fresh = fields.filter((field) => !this.#indexed.has(field))
    for (const { fields, create } of indexesFor(fresh)) {
      if (this.#indexed.size >= MOST_INDEXES) continue
      for (const field of fields) this.#indexed.add(field)
      await create(this.backend.connection).catch((error: unknown) => {
        this.backend.settings.logger.warn(
          `no index for ${fields.join(' and ')}; records are searched without`,
          {
            error,
          },
        )
      })
    }
  }

  within(transaction: unknown): IStorageEngine {
    this.guard()
    return new MongoStorage(this.backend, this.backend.connection.within(userSession(transaction)))
  }

  /** The ids of those that were there as expected. */
  async #replaced(alike: readonly AlikePatches[]): Promise<{ has(id: string): boolean }> {
    if (alike.length === 0) return new Set()
    return await patchRecords(this.executor, alike, randomUUID(), { read: false, lasting: true })
  }

  #key(namespace: string): string {
    this.guard()
    checkName(namespace, 'namespace')
    return keyUnder(this.backend.settings.prefix, namespace)
  }

  #body(value: unknown): ReturnType<typeof encodeRecord> {
    return encodeRecord(value, this.backend.settings.maxValueBytes)
  }
}

function idOf(s: string, id: string): RecordId {
  checkName(id, 'id')
  return { s, i: id }
}

/** Those of distinct ids, and then the others: an id named again is for the next command, after this one. */
function* inTurns<R extends { readonly id: RecordId }>(rows: readonly R[]): Generator<R[]> {
  for (let left = rows; left.length > 0; ) {
    const now = new Map<string, R>()
    const later: R[] = []
    for (const row of left) {
      if (now.has(row.id.i) || now.size === BATCH) later.push(row)
      else now.set(row.id.i, row)
    }
    yield [...now.values()]
    left = later
  }
}

function checkedRev(rev: number | null): number | null {
  if (rev === null || Number.isSafeInteger(rev)) return rev
  throw new InvalidArgumentError(`expectedRev must be an integer or null, not ${rev}`)
}

function checkCount(count: number | undefined, what: string): void {
  if (count === undefined || (Number.isSafeInteger(count) && count >= 0)) return
  throw new InvalidArgumentError(`${what} must be a non-negative integer, not ${count}`)
}
