import {
  checkName,
  decodeValue,
  encodeValue,
  type Filter,
  InvalidArgumentError,
  type IStorageEngine,
  type ListOptions,
  MAX_VALUE_BYTES,
  type StoredRecord,
  type Traits,
} from '@sched/core/adapter'
import { checkCount, compareText, fieldOf, matcher, ordered, type Row } from './filter.ts'
import { Folder, type FolderOptions } from './folder.ts'

/** Of one namespace: id → the encoded value. Pairs, since an object would treat an id like `__proto__` in its own way. */
type Records = [string, string][]
const none = (): Records => []

/** Records on files: one a namespace. The clock is the machine's, which all its processes share. */
export class FileStorage implements IStorageEngine {
  readonly traits: Partial<Traits> = {
    clock: 'process',
    durability: 'server',
    maxValueBytes: MAX_VALUE_BYTES,
  }
  readonly #folder: Folder

  constructor(options: FolderOptions) {
    this.#folder = new Folder('storage', options)
  }

  ready(): Promise<void> {
    return this.#folder.ready()
  }

  async ping(): Promise<void> {
    await this.#folder.look('ping', none)
  }

  close(): Promise<void> {
    return this.#folder.close()
  }

  async save<T>(namespace: string, id: string, value: T): Promise<void> {
    check(namespace, id)
    // before the first await: the caller may change its object afterwards
    const text = encodeValue(value)
    await this.#folder.change(namespace, none, (records) => put(records, id, text))
  }

  async get<T>(namespace: string, id: string): Promise<T | null> {
    check(namespace, id)
    const text = find(await this.#folder.look(namespace, none), id)
    return text === undefined ? null : decodeValue<T>(text)
  }

  async list<T>(namespace: string, filter?: Filter, options?: ListOptions): Promise<T[]> {
    const rows = await this.#matching(namespace, filter)
    return ordered(rows, options).map((row) => row.value as T)
  }

  async count(namespace: string, filter?: Filter): Promise<number> {
    return (await this.#matching(namespace, filter)).length
  }

  async page<T>(
    namespace: string,
    filter: Filter | undefined,
    { limit, after }: { limit: number; after?: string },
  ): Promise<StoredRecord<T>[]> {
    checkCount(limit, 'limit')
    const rows = await this.#matching(namespace, filter)
    const later = after === undefined ? rows : rows.filter((row) => compareText(row.id, after) > 0)
    return ordered(later, { limit }) as StoredRecord<T>[]
  }

  async delete(namespace: string, id: string): Promise<void> {
    check(namespace, id)
    await this.#folder.change(namespace, none, (records) => drop(records, (known) => known === id))
  }

  async prune(namespace: string, beforeMs: number): Promise<number> {
    check(namespace)
    return this.#folder.change(namespace, none, (records) =>
      drop(records, (_, text) => isOld(decodeValue(text), beforeMs)),
    )
  }

  async compareAndSet<T>(
    namespace: string,
    id: string,
    expectedRev: number | null,
    value: T,
  ): Promise<boolean> {
    check(namespace, id)
    const text = encodeValue(value)
    return this.#folder.change(namespace, none, (records) => {
      const stored = find(records, id)
      if (expectedRev === null ? stored !== undefined : stored === undefined || revOf(stored) !== expectedRev)
        return false
      put(records, id, text)
      return true
    })
  }

  async now(): Promise<number> {
    this.#folder.guard()
    return Date.now()
  }

  async #matching(namespace: string, filter: Filter | undefined): Promise<Row[]> {
    check(namespace)
    const matches = matcher(filter)
    const records = await this.#folder.look(namespace, none)
    return records.map(([id, text]) => ({ id, value: decodeValue(text) })).filter((row) => matches(row.value))
  }
}

function check(namespace: string, ...ids: string[]): void {
  checkName(namespace, 'namespace')
  for (const id of ids) checkName(id, 'id')
}

function find(records: Records, id: string): string | undefined {
  return records.find(([known]) => known === id)?.[1]
}

function put(records: Records, id: string, text: string): void {
  const at = records.findIndex(([known]) => known === id)
  if (at < 0) records.push([id, text])
  else records[at] = [id, text]
}

/** Gives how many went. */
function drop(records: Records, goes: (id: string, text: string) => boolean): number {
  const stay = records.filter(([id, text]) => !goes(id, text))
  const gone = records.length - stay.length
  records.splice(0, records.length, ...stay)
  return gone
}

function revOf(text: string): unknown {
  return fieldOf(decodeValue(text), 'rev') ?? 0
}

/** By `finishedAt` where the field is there, else by `createdAt`; what is neither Date nor number never gets old. */
function isOld(value: unknown, beforeMs: number): boolean {
  if (!Number.isFinite(beforeMs))
    throw new InvalidArgumentError(`beforeMs must be epoch milliseconds, not ${beforeMs}`)
  const finished = fieldOf(value, 'finishedAt')
  const at = finished === undefined ? fieldOf(value, 'createdAt') : finished
  return (at instanceof Date || typeof at === 'number') && Number(at) < beforeMs
}
