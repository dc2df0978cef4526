import {
  type CompareAndSetItem,
  checkName,
  encodeValue,
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
import type { Parameter, Row, Statement } from './database.ts'
import { toJsonb } from './jsonb-text.ts'
import { PostgresAdapter } from './postgres-adapter.ts'
import {
  arrayText,
  decodeRecord,
  fieldOf,
  idsText,
  inByteOrder,
  inTurns,
  pruneInstant,
} from './record-columns.ts'
import { STORAGE } from './statements.ts'
import { onePatchParameters, patchesOf, patchParameters } from './storage-patch.ts'
import { addFilter, orderText, Query } from './storage-query.ts'
import { userTransaction } from './transaction.ts'

/** Most records of one statement. */
const BATCH = 1_000

/** A record as its columns. */
interface Columns {
  readonly id: string
  readonly rev: number
  readonly pruneAt: number | null
  readonly text: string
}

interface Comparison extends Columns {
  /** Null: there must be no record. */
  readonly expected: number | null
  /** Of its answer. */
  readonly place: number
}

/** Records in one table, their values as jsonb. Every operation is one statement, decided by the server. */
export class PostgresStorage extends PostgresAdapter implements IStorageEngine {
  readonly traits: Partial<Traits>

  constructor(backend: Backend, shares = true) {
    super(backend, 'the PostgreSQL storage', shares)
    this.traits = { clock: 'server', durability: 'server', maxValueBytes: backend.settings.maxValueBytes }
  }

  async save<T>(namespace: string, id: string, value: T): Promise<void> {
    await this.saveMany(namespace, [{ id, value }])
  }

  async saveMany<T>(namespace: string, records: readonly StoredRecord<T>[]): Promise<void> {
    this.#checkNamespace(namespace)
    // an id named twice ends as its last value
    const rows = new Map(records.map(({ id, value }) => [id, this.#columns(id, value)]))
    for (const chunk of inChunks(inByteOrder([...rows.values()]), BATCH)) {
      await this.run(STORAGE.save, [this.prefix, namespace, ...columnsOf(chunk)])
    }
  }

  async get<T>(namespace: string, id: string): Promise<T | null> {
    const [value] = await this.getMany<T>(namespace, [id])
    return value ?? null
  }

  async getMany<T>(namespace: string, ids: readonly string[]): Promise<(T | null)[]> {
    this.#checkNamespace(namespace)
    for (const id of ids) checkName(id, 'id')
    const found = new Map<string, string>()
    for (const chunk of inChunks([...new Set(ids)], BATCH)) {
      for (const [id, text] of await this.run(STORAGE.get, [this.prefix, namespace, idsText(chunk)]))
        found.set(id as string, text as string)
    }
    return ids.map((id) => {
      const text = found.get(id)
      return text === undefined ? null : decodeRecord<T>(text)
    })
  }

  async delete(namespace: string, id: string): Promise<void> {
    await this.deleteMany(namespace, [id])
  }

  async deleteMany(namespace: string, ids: readonly string[]): Promise<number> {
    this.#checkNamespace(namespace)
    for (const id of ids) checkName(id, 'id')
    let deleted = 0
    for (const chunk of inChunks(ids, BATCH))
      deleted += (await this.run(STORAGE.delete, [this.prefix, namespace, idsText(chunk)])).length
    return deleted
  }

  async compareAndSet<T>(
    namespace: string,
    id: string,
    expectedRev: number | null,
    value: T,
  ): Promise<boolean> {
    if (expectedRev === null) return await this.#insert(namespace, id, value)
    const [stored] = await this.compareAndSetMany(namespace, [{ id, expectedRev, value }])
    return stored === true
  }

  async compareAndSetMany<T>(namespace: string, items: readonly CompareAndSetItem<T>[]): Promise<boolean[]> {
    this.#checkNamespace(namespace)
    const rows = items.map(({ id, expectedRev, value }, place): Comparison => {
      const { rev, pruneAt, text } = this.#columns(id, value)
      return { id, rev, pruneAt, text, expected: checkedRev(expectedRev), place }
    })
    const answers = new Array<boolean>(items.length).fill(false)
    for (const chunk of inTurns(rows, BATCH)) {
      const places = new Map(chunk.map(({ id, place }) => [id, place]))
      const expected = arrayText(chunk.map((row) => row.expected))
      const parameters = [this.prefix, namespace, ...columnsOf(chunk), expected]
      for (const [id] of await this.run(STORAGE.compareAndSet, parameters))
        answers[places.get(id as string) as number] = true
    }
    return answers
  }

  async patchMany<T = true>(
    namespace: string,
    items: readonly PatchItem[],
    { read = false, lasting = true, freshRev = false }: PatchOptions = {},
  ): Promise<(T | null)[]> {
    this.#checkNamespace(namespace)
    const { maxValueBytes } = this.backend.settings
    const one = items.length === 1 ? onePatchParameters(items[0]!, maxValueBytes) : undefined
    if (one !== undefined) {
      const [row] = await this.run(STORAGE.patchOne, [
        this.prefix,
        namespace,
        ...one,
        read,
        lasting,
        freshRev,
      ])
      const text = row?.[0] ?? null
      return [text === null ? null : read ? decodeRecord<T>(text) : (true as T)]
    }
    // all values are checked before anything is sent
    const turns = [...inTurns(patchesOf(items), BATCH)].map((chunk) => ({
      places: new Map(chunk.map(({ id, place }) => [id, place])),
      parameters: [this.prefix, namespace, ...patchParameters(chunk, maxValueBytes), read, lasting, freshRev],
    }))
    const answers = new Array<T | null>(items.length).fill(null)
    for (const { places, parameters } of turns) {
      for (const [id, text] of await this.run(STORAGE.patch, parameters))
        answers[places.get(id as string) as number] = read ? decodeRecord<T>(text as string) : (true as T)
    }
    return answers
  }

  async list<T>(namespace: string, filter?: Filter, options: ListOptions = {}): Promise<T[]> {
    const { limit, offset, orderBy } = options
    checkCount(limit, 'limit')
    checkCount(offset, 'offset')
    const query = this.#query(namespace, filter)
    const order = orderText(query, orderBy)
    const bounds = `${limit === undefined ? '' : ` limit ${query.parameter(limit, 'int8')}`}${
      offset === undefined ? '' : ` offset ${query.parameter(offset, 'int8')}`
    }`
    const rows = await this.#select(
      'list',
      `select value::text from @records where ${query.where} order by ${order}${bounds}`,
      query,
    )
    return rows.map(([text]) => decodeRecord<T>(text as string))
  }

  async count(namespace: string, filter?: Filter): Promise<number> {
    const query = this.#query(namespace, filter)
    const [row] = await this.#select('count', `select count(*) from @records where ${query.where}`, query)
    return Number(row?.[0])
  }

  async page<T>(
    namespace: string,
    filter: Filter | undefined,
    options: { readonly limit: number; readonly after?: string },
  ): Promise<StoredRecord<T>[]> {
    const { limit, after } = options
    checkCount(limit, 'limit')
    const query = this.#query(namespace, filter)
    if (after !== undefined && after !== '') {
      checkName(after, 'after')
      query.add(`id > ${query.parameter(after, 'text')}`)
    }
    const bound = query.parameter(limit, 'int8')
    const sql = `select id, value::text from @records where ${query.where} order by id limit ${bound}`
    const rows = await this.#select('page', sql, query)
    return rows.map(([id, text]) => ({ id: id as string, value: decodeRecord<T>(text as string) }))
  }

  async prune(namespace: string, beforeMs: number): Promise<number> {
    this.#checkNamespace(namespace)
    if (!Number.isFinite(beforeMs))
      throw new InvalidArgumentError(`beforeMs must be epoch milliseconds, not ${beforeMs}`)
    for (let pruned = 0; ; ) {
      const deleted = (await this.run(STORAGE.prune, [this.prefix, namespace, beforeMs, BATCH])).length
      pruned += deleted
      if (deleted < BATCH) return pruned
    }
  }

  async now(): Promise<number> {
    const [row] = await this.run(STORAGE.now, [])
    return Number(row?.[0])
  }

  /** Nothing to do: the fields that jobs are looked for by are indexed from the start. */
  async index(namespace: string, _fields: readonly string[]): Promise<void> {
    this.#checkNamespace(namespace)
  }

  within(transaction: unknown): IStorageEngine {
    return new StorageWithin(this.backend, transaction)
  }

  async #select(name: string, sql: string, query: Query): Promise<readonly Row[]> {
    return await this.run({ name: `storage ${name}`, sql, repeatable: true, fixed: false }, query.parameters)
  }

  #query(namespace: string, filter: Filter | undefined): Query {
    this.#checkNamespace(namespace)
    const query = new Query(['prefix = $1', 'namespace = $2'], [this.prefix, namespace])
    addFilter(query, namespace, filter)
    return query
  }

  async #insert(namespace: string, id: string, value: unknown): Promise<boolean> {
    this.#checkNamespace(namespace)
    const { rev, pruneAt, text } = this.#columns(id, value)
    const pruned = pruneAt === null ? null : String(pruneAt)
    const rows = await this.run(STORAGE.insert, [this.prefix, namespace, id, String(rev), pruned, text])
    return rows.length > 0
  }

  #checkNamespace(namespace: string): void {
    this.guard()
    checkName(namespace, 'namespace')
  }

  #columns(id: string, value: unknown): Columns {
    checkName(id, 'id')
    const text = toJsonb(encodeValue(value, { maxBytes: this.backend.settings.maxValueBytes }))
    const rev = fieldOf(value, 'rev')
    return { id, rev: Number.isSafeInteger(rev) ? (rev as number) : 0, pruneAt: pruneInstant(value), text }
  }
}

/** Inside the user's open transaction: nothing here begins, commits or rolls back. */
class StorageWithin extends PostgresStorage {
  readonly #transaction: ReturnType<typeof userTransaction>

  constructor(backend: Backend, transaction: unknown) {
    super(backend, false)
    this.#transaction = userTransaction(backend.database, transaction)
  }

  /** When the transaction is on disk is the user's to say. */
  override async patchMany<T = true>(
    namespace: string,
    items: readonly PatchItem[],
    options: PatchOptions = {},
  ): Promise<(T | null)[]> {
    return await super.patchMany<T>(namespace, items, { ...options, lasting: true })
  }

  protected override async run(
    statement: Statement,
    parameters: readonly Parameter[],
  ): Promise<readonly Row[]> {
    return await this.#transaction.run(statement, parameters)
  }
}

/** JSON, which has no line break of its own, by lines: pg would quote and escape each again. */
function columnsOf(rows: readonly Columns[]): Parameter[] {
  return [
    idsText(rows.map(({ id }) => id)),
    arrayText(rows.map(({ rev }) => rev)),
    arrayText(rows.map(({ pruneAt }) => pruneAt)),
    rows.map(({ text }) => text).join('\n'),
  ]
}

function checkedRev(rev: number | null): number | null {
  if (rev === null || Number.isSafeInteger(rev)) return rev
  throw new InvalidArgumentError(`expectedRev must be an integer or null, not ${rev}`)
}

function checkCount(count: number | undefined, what: string): void {
  if (count === undefined || (Number.isSafeInteger(count) && count >= 0)) return
  throw new InvalidArgumentError(`${what} must be a non-negative integer, not ${count}`)
}
