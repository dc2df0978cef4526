import {
  type CompareAndSetItem,
  checkName,
  checkPatch,
  cloneValue,
  copyValue,
  type Filter,
  InvalidArgumentError,
  type IStorageEngine,
  type ListOptions,
  MAX_VALUE_BYTES,
  type PatchItem,
  type PatchOptions,
  type StoredRecord,
  type Traits,
} from '@sched/core/adapter'
import { checkCount, checkInstant } from './arguments.ts'
import { compileFilter } from './filter.ts'
import { NodePart } from './node-part.ts'
import { patched } from './patched.ts'
import type { Records, Row } from './records.ts'
import type { Space } from './server.ts'

export interface StorageParts {
  readonly space: Space
  readonly prefix: string
  readonly resetOnInit: boolean
}

/** {@link IStorageEngine} over one prefix of a memory server. Everything but `within` is there: memory has no transactions. */
export class MemoryStorage extends NodePart implements IStorageEngine {
  readonly traits: Partial<Traits> = {
    clock: 'server',
    durability: 'process',
    maxValueBytes: MAX_VALUE_BYTES,
  }
  readonly prefix: string
  readonly #space: Space

  constructor(parts: StorageParts) {
    const { space } = parts
    super('the memory storage', parts.resetOnInit ? () => space.clearStorage() : undefined)
    this.prefix = parts.prefix
    this.#space = space
  }

  async save<T>(namespace: string, id: string, value: T): Promise<void> {
    this.#checked(namespace, id)
    const copy = copyValue(value)
    this.#space.recordsOf(namespace).set(id, copy)
  }

  async saveMany<T>(namespace: string, records: readonly StoredRecord<T>[]): Promise<void> {
    this.#checked(namespace, ...records.map(({ id }) => id))
    const copies = records.map(({ value }, i) => copyValue(value, { root: `records[${i}].value` }))
    const target = this.#space.recordsOf(namespace)
    for (const [i, { id }] of records.entries()) target.set(id, copies[i])
  }

  async get<T>(namespace: string, id: string): Promise<T | null> {
    return (await this.getMany<T>(namespace, [id]))[0]!
  }

  async getMany<T>(namespace: string, ids: readonly string[]): Promise<(T | null)[]> {
    const records = this.#checked(namespace, ...ids)
    return ids.map((id) => {
      const value = records?.get(id)
      return value === undefined ? null : (cloneValue(value) as T)
    })
  }

  async list<T>(namespace: string, filter?: Filter, options: ListOptions = {}): Promise<T[]> {
    const records = this.#checked(namespace)
    const compiled = compileFilter(filter)
    const { limit = Number.POSITIVE_INFINITY, offset = 0 } = checkListOptions(options)
    if (records === undefined || limit === 0) return []
    const { orderBy } = options
    const rows =
      orderBy === undefined
        ? records.byId(compiled)
        : records.byField(compiled, orderBy.field, orderBy.direction ?? 'asc')
    return slice(rows, offset, limit).map(({ value }) => cloneValue(value) as T)
  }

  async page<T>(
    namespace: string,
    filter: Filter | undefined,
    options: { readonly limit: number; readonly after?: string },
  ): Promise<StoredRecord<T>[]> {
    const records = this.#checked(namespace)
    const compiled = compileFilter(filter)
    checkCount(options.limit, 'limit')
    if (options.after !== undefined) checkName(options.after, 'after')
    if (records === undefined || options.limit === 0) return []
    const rows = slice(records.byId(compiled, options.after), 0, options.limit)
    return rows.map(({ id, value }) => ({ id, value: cloneValue(value) as T }))
  }

  async count(namespace: string, filter?: Filter): Promise<number> {
    const records = this.#checked(namespace)
    const compiled = compileFilter(filter)
    return records?.count(compiled) ?? 0
  }

  async delete(namespace: string, id: string): Promise<void> {
    await this.deleteMany(namespace, [id])
  }

  async deleteMany(namespace: string, ids: readonly string[]): Promise<number> {
    const records = this.#checked(namespace, ...ids)
    return ids.reduce((count, id) => (records?.delete(id) ? count + 1 : count), 0)
  }

  async prune(namespace: string, beforeMs: number): Promise<number> {
    const records = this.#checked(namespace)
    checkInstant(beforeMs, 'beforeMs')
    if (records === undefined) return 0
    const ids = records.idsBefore(beforeMs)
    for (const id of ids) records.delete(id)
    return ids.length
  }

  async compareAndSet<T>(
    namespace: string,
    id: string,
    expectedRev: number | null,
    value: T,
  ): Promise<boolean> {
    return (await this.compareAndSetMany(namespace, [{ id, expectedRev, value }]))[0]!
  }

  async compareAndSetMany<T>(namespace: string, items: readonly CompareAndSetItem<T>[]): Promise<boolean[]> {
    this.#checked(namespace, ...items.map(({ id }) => id))
    for (const { expectedRev } of items) if (expectedRev !== null) checkCount(expectedRev, 'expectedRev')
    const root = (i: number) => (items.length === 1 ? 'value' : `items[${i}].value`)
    const copies = items.map(({ value }, i) => copyValue(value, { root: root(i) }))
    const records = this.#space.recordsOf(namespace)
    return items.map(({ id, expectedRev }, i) => {
      if (records.revOf(id) !== (expectedRev ?? undefined)) return false
      records.set(id, copies[i])
      return true
    })
  }

  async patchMany<T = true>(
    namespace: string,
    items: readonly PatchItem[],
    options: PatchOptions = {},
  ): Promise<(T | null)[]> {
    const records = this.#checked(namespace)
    for (const item of items) checkPatch(item)
    const sets = items.map(({ set }, i) => copyValue(set, { root: `items[${i}].set` }))
    return items.map((item, i) => {
      const next = patched(records?.get(item.id), item, sets[i]!)
      if (next === undefined) return null
      records?.set(item.id, next)
      return (options.read ? cloneValue(next) : true) as T
    })
  }

  async now(): Promise<number> {
    this.assertOpen()
    return this.#space.now()
  }

  async index(namespace: string, fields: readonly string[]): Promise<void> {
    this.#checked(namespace)
    this.#space.recordsOf(namespace).index(fields)
  }

  #checked(namespace: string, ...ids: readonly string[]): Records | undefined {
    this.assertOpen()
    checkName(namespace, 'namespace')
    for (const id of ids) checkName(id, 'id')
    return this.#space.recordsIn(namespace)
  }
}

function checkListOptions(options: ListOptions): ListOptions {
  if (options.limit !== undefined) checkCount(options.limit, 'limit')
  if (options.offset !== undefined) checkCount(options.offset, 'offset')
  const { orderBy } = options
  if (orderBy === undefined) return options
  if (typeof orderBy.field !== 'string')
    throw new InvalidArgumentError('orderBy.field must be the name of a field')
  const { direction = 'asc' } = orderBy
  if (direction !== 'asc' && direction !== 'desc') {
    throw new InvalidArgumentError(`orderBy.direction must be asc or desc, not ${String(direction)}`)
  }
  return options
}

function slice(rows: Iterable<Row>, offset: number, limit: number): Row[] {
  const kept: Row[] = []
  let skip = offset
  for (const row of rows) {
    if (skip > 0) skip--
    else if (kept.push(row) >= limit) break
  }
  return kept
}
