import {
  type CompareAndSetItem,
  checkName,
  decodeValue,
  encodeValue,
  type Filter,
  InvalidArgumentError,
  type IStorageEngine,
  inChunks,
  type ListOptions,
  type PatchItem,
  type StoredRecord,
  type Traits,
} from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { compileFilter, type FoundRecord, fieldOf, sortRecords } from './filter.ts'
import { keysInLua, STORAGE_KEYS, storageBase } from './keys.ts'
import compareAndSetText from './lua/storage/compare-and-set.lua'
import deleteText from './lua/storage/delete.lua'
import fieldsText from './lua/storage/fields.lua'
import pageText from './lua/storage/page.lua'
import patchText from './lua/storage/patch.lua'
import pruneText from './lua/storage/prune.lua'
import saveText from './lua/storage/save.lua'
import { RedisAdapter } from './redis-adapter.ts'
import { REPEATABLE, type Script, script } from './scripts.ts'
import { patchArguments } from './storage-patch.ts'
import { pruneInstant } from './storage-prune.ts'

const SAVE = storageScript('save', saveText)
const COMPARE_AND_SET = storageScript('compareAndSet', compareAndSetText)
const PATCH = storageScript('patch', `${fieldsText}\n${patchText}`)
const DELETE = storageScript('delete', deleteText)
const PRUNE = storageScript('prune', pruneText)
const PAGE = storageScript('page', pageText, REPEATABLE)

/** Most records of one script call: longer ones would hold up everybody else on the server. */
const BATCH = 500
/** Most patches of one, as many as core asks for at once: they take less time each, as no value is sent whole. */
const PATCHES = 1_000
const PAGE_BYTES = 4 * 1024 * 1024

/**
 * Records in three keys a namespace: the values, the ids in byte order, and the instants that `prune` goes by. A value is stored as
 * `rev;text`, so that the server compares revisions without decoding. Filters are decided here, over bounded pages in id order.
 */
export class RedisStorage extends RedisAdapter implements IStorageEngine {
  readonly traits: Partial<Traits>

  constructor(backend: Backend) {
    super(backend, 'the Redis storage')
    this.traits = { clock: 'server', durability: 'server', maxValueBytes: backend.settings.maxValueBytes }
  }

  async save<T>(namespace: string, id: string, value: T): Promise<void> {
    await this.saveMany(namespace, [{ id, value }])
  }

  async saveMany<T>(namespace: string, records: readonly StoredRecord<T>[]): Promise<void> {
    checkName(namespace, 'namespace')
    const rows = records.map(({ id, value }) => [checkedId(id), ...this.#encode(value)])
    for (const chunk of inChunks(rows, BATCH)) await this.run(SAVE, this.#base(namespace), chunk.flat())
    if (rows.length === 0) this.guard()
  }

  async get<T>(namespace: string, id: string): Promise<T | null> {
    const [value] = await this.getMany<T>(namespace, [id])
    return value ?? null
  }

  async getMany<T>(namespace: string, ids: readonly string[]): Promise<(T | null)[]> {
    this.guard()
    checkName(namespace, 'namespace')
    for (const id of ids) checkedId(id)
    const key = this.#base(namespace) + STORAGE_KEYS.VALUES
    const values: (T | null)[] = []
    for (const chunk of inChunks(ids, BATCH)) {
      this.guard()
      const texts = (await this.backend.connection.read('hmget', key, ...chunk)) as (string | null)[]
      for (const text of texts) values.push(text === null ? null : decode<T>(text))
    }
    return values
  }

  async delete(namespace: string, id: string): Promise<void> {
    await this.deleteMany(namespace, [id])
  }

  async deleteMany(namespace: string, ids: readonly string[]): Promise<number> {
    this.guard()
    checkName(namespace, 'namespace')
    for (const id of ids) checkedId(id)
    let deleted = 0
    for (const chunk of inChunks(ids, BATCH)) {
      deleted += (await this.run(DELETE, this.#base(namespace), chunk)) as number
    }
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
    this.guard()
    checkName(namespace, 'namespace')
    const rows = items.map(({ id, expectedRev, value }) => [
      checkedId(id),
      expectedRev === null ? '' : revText(expectedRev),
      ...this.#encode(value),
    ])
    const answers: boolean[] = []
    for (const chunk of inChunks(rows, BATCH)) {
      const args = chunk.flat()
      const again = () => [1, ...args]
      const digits = (await this.run(COMPARE_AND_SET, this.#base(namespace), [0, ...args], again)) as string
      for (const digit of digits) answers.push(digit === '1')
    }
    return answers
  }

  async patchMany<T = true>(
    namespace: string,
    items: readonly PatchItem[],
    { read = false }: { readonly read?: boolean } = {},
  ): Promise<(T | null)[]> {
    this.guard()
    checkName(namespace, 'namespace')
    const rows = items.map((item) => patchArguments(item, this.backend.settings.maxValueBytes))
    const answers: (T | null)[] = []
    for (const chunk of inChunks(rows, PATCHES)) {
      const answer = await this.run(PATCH, this.#base(namespace), [read ? 1 : 0, ...chunk.flat()])
      if (read)
        for (const text of answer as (string | null)[]) answers.push(text === null ? null : decode<T>(text))
      else for (const digit of answer as string) answers.push(digit === '1' ? (true as T) : null)
    }
    return answers
  }

  async list<T>(namespace: string, filter?: Filter, options: ListOptions = {}): Promise<T[]> {
    this.guard()
    const { limit = Number.POSITIVE_INFINITY, offset = 0, orderBy } = options
    checkCount(options.limit, 'limit')
    checkCount(options.offset, 'offset')
    const needed = orderBy === undefined ? offset + limit : Number.POSITIVE_INFINITY
    const found: FoundRecord[] = []
    if (limit > 0) {
      for await (const record of this.#matching(namespace, filter, needed)) found.push(record)
    } else this.#checkQuery(namespace, filter)
    return sortRecords(found, orderBy)
      .slice(offset, offset + limit)
      .map((record) => record.value as T)
  }

  async count(namespace: string, filter?: Filter): Promise<number> {
    this.guard()
    this.#checkQuery(namespace, filter)
    if (filter === undefined || Object.keys(filter).length === 0) {
      const key = this.#base(namespace) + STORAGE_KEYS.VALUES
      return (await this.backend.connection.read('hlen', key)) as number
    }
    let count = 0
    for await (const _ of this.#matching(namespace, filter, Number.POSITIVE_INFINITY)) count++
    return count
  }

  async page<T>(
    namespace: string,
    filter: Filter | undefined,
    options: { readonly limit: number; readonly after?: string },
  ): Promise<StoredRecord<T>[]> {
    this.guard()
    checkCount(options.limit, 'limit')
    this.#checkQuery(namespace, filter)
    const page: StoredRecord<T>[] = []
    if (options.limit === 0) return page
    for await (const { id, value } of this.#matching(namespace, filter, options.limit, options.after))
      page.push({ id, value: value as T })
    return page
  }

  async prune(namespace: string, beforeMs: number): Promise<number> {
    this.guard()
    checkName(namespace, 'namespace')
    if (!Number.isFinite(beforeMs))
      throw new InvalidArgumentError(`beforeMs must be epoch milliseconds, not ${beforeMs}`)
    for (let pruned = 0; ; ) {
      const deleted = (await this.run(PRUNE, this.#base(namespace), [beforeMs, BATCH])) as number
      pruned += deleted
      if (deleted < BATCH) return pruned
    }
  }

  async now(): Promise<number> {
    this.guard()
    const [seconds, micros] = (await this.backend.connection.read('time')) as [string, string]
    return Number(seconds) * 1000 + Number(micros) / 1000
  }

  async index(namespace: string, _fields: readonly string[]): Promise<void> {
    this.guard()
    checkName(namespace, 'namespace')
  }

  /** In id order, at most `needed`, as they stood when their page was read. */
  async *#matching(
    namespace: string,
    filter: Filter | undefined,
    needed: number,
    from = '',
  ): AsyncGenerator<FoundRecord> {
    this.#checkQuery(namespace, filter)
    const matches = compileFilter(filter)
    const unfiltered = filter === undefined || Object.keys(filter).length === 0
    for (let after = from, left = needed; left > 0; ) {
      const limit = unfiltered ? Math.min(BATCH, left) : BATCH
      const page = (await this.run(PAGE, this.#base(namespace), [after, limit, PAGE_BYTES])) as [
        number,
        ...string[],
      ]
      for (let i = 1; i < page.length && left > 0; i += 2) {
        const id = page[i] as string
        const value = decode(page[i + 1] as string)
        after = id
        if (!matches(value)) continue
        left--
        yield { id, value }
      }
      if (page[0] === 1) return
    }
  }

  #checkQuery(namespace: string, filter: Filter | undefined): void {
    checkName(namespace, 'namespace')
    compileFilter(filter)
  }

  #base(namespace: string): string {
    return storageBase(this.backend.settings.prefix, namespace)
  }

  #encode(value: unknown): [stored: string, pruneAt: string] {
    const text = encodeValue(value, { maxBytes: this.backend.settings.maxValueBytes })
    const rev = fieldOf(value, 'rev')
    return [`${typeof rev === 'number' ? revText(rev) : '0'};${text}`, pruneInstant(value)]
  }
}

function storageScript(name: string, text: string, options = {}): Script {
  return script(`storage ${name}`, [keysInLua(text, STORAGE_KEYS), text], options)
}

function checkedId(id: string): string {
  checkName(id, 'id')
  return id
}

function decode<T>(stored: string): T {
  return decodeValue<T>(stored.slice(stored.indexOf(';') + 1))
}

function revText(rev: number): string {
  return String(rev === 0 ? 0 : rev)
}

function checkCount(count: number | undefined, what: string): void {
  if (count === undefined || (Number.isSafeInteger(count) && count >= 0)) return
  throw new InvalidArgumentError(`${what} must be a non-negative integer, not ${count}`)
}
