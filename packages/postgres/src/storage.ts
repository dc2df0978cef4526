import {
  type CompareAndSetItem,
  checkName,
  decodeValue,
  encodeValue,
  type Filter,
  InvalidArgumentError,
  type IStorageEngine,
  type ListOptions,
  type StoredRecord,
  type Traits,
} from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { inChunks } from './chunks.ts'
import type { Parameter, Row, Statement } from './database.ts'
import { fromJsonb, toJsonb } from './jsonb-text.ts'
import { PostgresAdapter } from './postgres-adapter.ts'
import { STORAGE } from './statements.ts'
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
      await this.run(STORAGE.save, [this.prefix, namespace, ...arraysOf(chunk)])
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
      for (const [id, text] of await this.run(STORAGE.get, [this.prefix, namespace, chunk]))
        found.set(id as string, text as string)
    }
    return ids.map((id) => {
      const text = found.get(id)
      return text === undefined ? null : decode<T>(text)
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
      deleted += (await this.run(STORAGE.delete, [this.prefix, namespace, chunk])).length
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
    this.#checkNamespace(namespace)
    const rows = items.map((item, place) => ({
      ...this.#columns(item.id, item.value),
      expected: checkedRev(item.expectedRev),
      place,
    }))
    const answers = new Array<boolean>(items.length).fill(false)
    // an id named again is for the next statement, after this one
    for (let left = rows; left.length > 0; ) {
      const now = new Map<string, (typeof rows)[number]>()
      const later: typeof rows = []
      for (const row of left) {
        if (now.has(row.id) || now.size === BATCH) later.push(row)
        else now.set(row.id, row)
      }
      const chunk = inByteOrder([...now.values()])
      const [ids, ...columns] = arraysOf(chunk)
      const parameters = [this.prefix, namespace, ids, chunk.map((row) => row.expected), ...columns]
      for (const [id] of await this.run(STORAGE.compareAndSet, parameters as Parameter[])) {
        const row = now.get(id as string)
        if (row !== undefined) answers[row.place] = true
      }
      left = later
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
    return rows.map(([text]) => decode<T>(text as string))
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
    return rows.map(([id, text]) => ({ id: id as string, value: decode<T>(text as string) }))
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

  /** Nothing to do: the index over all values answers for every field. */
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
    addFilter(query, filter)
    return query
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

  protected override async run(
    statement: Statement,
    parameters: readonly Parameter[],
  ): Promise<readonly Row[]> {
    return await this.#transaction.run(statement, parameters)
  }
}

function arraysOf(rows: readonly Columns[]): readonly Parameter[] {
  return [
    rows.map((row) => row.id),
    rows.map((row) => row.rev),
    rows.map((row) => row.pruneAt),
    rows.map((row) => row.text),
  ]
}

/** As the server orders ids, so that two writers lock their rows in one order. */
function inByteOrder<T extends Columns>(rows: T[]): T[] {
  return rows.sort((a, b) => (a.id === b.id ? 0 : Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))))
}

function decode<T>(text: string): T {
  return decodeValue<T>(fromJsonb(text))
}

function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, field))
    return undefined
  return (value as Record<string, unknown>)[field]
}

/** `finishedAt`; without that field `createdAt`; null when it is no instant: such a record is never pruned. */
function pruneInstant(value: unknown): number | null {
  const finishedAt = fieldOf(value, 'finishedAt')
  // an undefined property is dropped by the codec: it is not there
  const instant = finishedAt === undefined ? fieldOf(value, 'createdAt') : finishedAt
  if (instant instanceof Date) return instant.getTime()
  return typeof instant === 'number' ? instant : null
}

function checkedRev(rev: number | null): number | null {
  if (rev === null || Number.isSafeInteger(rev)) return rev
  throw new InvalidArgumentError(`expectedRev must be an integer or null, not ${rev}`)
}

function checkCount(count: number | undefined, what: string): void {
  if (count === undefined || (Number.isSafeInteger(count) && count >= 0)) return
  throw new InvalidArgumentError(`${what} must be a non-negative integer, not ${count}`)
}
