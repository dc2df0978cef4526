/**
 * The storage of the model: one map of rows. A request looks at every row and sorts what it found; nothing is indexed, nothing is
 * clever. What a third party's storage must do is what this one does.
 */
import {
  type CompareAndSetItem,
  checkName,
  checkPatch,
  copyValue,
  type Filter,
  InvalidArgumentError,
  type IStorageEngine,
  type ListOptions,
  MAX_VALUE_BYTES,
  type PatchItem,
  type StoredRecord,
  type Traits,
} from '@sched/core/adapter'
import { checkFilter, compareText, MISSING, RowRules } from './filter.ts'
import type { Row } from './rows.ts'
import { ModelAdapter } from './server.ts'

export type Fields = Readonly<Record<string, unknown>>

export class ModelStorage extends ModelAdapter implements IStorageEngine {
  readonly traits: Partial<Traits> = { clock: 'server', durability: 'server', maxValueBytes: MAX_VALUE_BYTES }
  protected readonly what: string = 'the model storage'
  protected readonly rules: RowRules = new RowRules()

  async save<T>(namespace: string, id: string, value: T): Promise<void> {
    const copy = this.checked(namespace, id, value)
    await this.step(() => this.put(namespace, id, copy))
  }

  async get<T>(namespace: string, id: string): Promise<T | null> {
    this.checkKey(namespace, id)
    return await this.step(() => this.read<T>(namespace, id))
  }

  async list<T>(namespace: string, filter: Filter = {}, options: ListOptions = {}): Promise<T[]> {
    this.checkQuery(namespace, filter)
    checkCount(options.limit, 'limit')
    checkCount(options.offset, 'offset')
    return await this.step(() => {
      const found = this.rules.sorted(this.matching(namespace, filter), options.orderBy)
      return this.slice(found, options).map((row) => this.out(row.value) as T)
    })
  }

  async delete(namespace: string, id: string): Promise<void> {
    this.checkKey(namespace, id)
    await this.step(() => this.drop(namespace, id))
  }

  async prune(namespace: string, beforeMs: number): Promise<number> {
    checkName(namespace, 'namespace')
    if (!Number.isFinite(beforeMs)) throw new InvalidArgumentError('beforeMs must be epoch milliseconds')
    return await this.step(() => {
      const old = this.rowsOf(namespace).filter((row) => this.isOld(row, beforeMs))
      for (const row of old) this.drop(namespace, row.id)
      return old.length
    })
  }

  async count(namespace: string, filter: Filter = {}): Promise<number> {
    this.checkQuery(namespace, filter)
    return await this.step(() => this.matching(namespace, filter).length)
  }

  async page<T>(
    namespace: string,
    filter: Filter | undefined,
    options: { readonly limit: number; readonly after?: string },
  ): Promise<StoredRecord<T>[]> {
    this.checkQuery(namespace, filter ?? {})
    checkCount(options.limit, 'limit')
    return await this.step(() =>
      this.rules
        .sorted(this.matching(namespace, filter ?? {}), undefined)
        .filter((row) => options.after === undefined || compareText(row.id, options.after) > 0)
        .slice(0, options.limit)
        .map((row) => ({ id: row.id, value: this.out(row.value) as T })),
    )
  }

  async compareAndSet<T>(
    namespace: string,
    id: string,
    expectedRev: number | null,
    value: T,
  ): Promise<boolean> {
    const copy = this.checked(namespace, id, value)
    return await this.step(() => this.swap(namespace, id, expectedRev, copy))
  }

  async compareAndSetMany<T>(namespace: string, items: readonly CompareAndSetItem<T>[]): Promise<boolean[]> {
    const copies = items.map((item) => this.checked(namespace, item.id, item.value))
    return await this.step(() =>
      items.map((item, i) => this.swap(namespace, item.id, item.expectedRev, copies[i])),
    )
  }

  async patchMany<T = true>(
    namespace: string,
    items: readonly PatchItem[],
    { read = false }: { readonly read?: boolean } = {},
  ): Promise<(T | null)[]> {
    for (const item of items) checkPatch(item)
    const sets = items.map(({ id, set }) => this.checked(namespace, id, set))
    return await this.step(() =>
      items.map((item, i) => {
        const row = this.space.rows.get(this.key(namespace, item.id))
        if (row === undefined || !this.mayPatch(row, item)) return null
        this.put(namespace, item.id, this.patched(row, item, sets[i] as Fields))
        return read ? this.read<T>(namespace, item.id) : (true as T)
      }),
    )
  }

  async getMany<T>(namespace: string, ids: readonly string[]): Promise<(T | null)[]> {
    for (const id of ids) this.checkKey(namespace, id)
    return await this.step(() => ids.map((id) => this.read<T>(namespace, id)))
  }

  async saveMany<T>(namespace: string, records: readonly StoredRecord<T>[]): Promise<void> {
    const copies = records.map((record) => this.checked(namespace, record.id, record.value))
    await this.step(() => {
      for (const [i, record] of records.entries()) this.put(namespace, record.id, copies[i])
    })
  }

  async deleteMany(namespace: string, ids: readonly string[]): Promise<number> {
    for (const id of ids) this.checkKey(namespace, id)
    return await this.step(() => ids.filter((id) => this.drop(namespace, id)).length)
  }

  async now(): Promise<number> {
    return await this.step(() => this.serverNow())
  }

  async index(namespace: string, _fields: readonly string[]): Promise<void> {
    checkName(namespace, 'namespace')
    await this.step(() => undefined)
  }

  /** The parts stay apart, whatever characters they have. */
  protected key(namespace: string, id: string): string {
    return JSON.stringify([namespace, id])
  }

  protected rowsOf(namespace: string): Row[] {
    return [...this.space.rows.values()].filter((row) => row.namespace === namespace)
  }

  protected matching(namespace: string, filter: Filter): Row[] {
    return this.rowsOf(namespace).filter((row) => this.rules.matches(row, filter))
  }

  protected slice(rows: readonly Row[], { offset = 0, limit }: ListOptions): Row[] {
    return rows.slice(offset, limit === undefined ? undefined : offset + limit)
  }

  protected put(namespace: string, id: string, value: unknown): void {
    this.space.rows.set(this.key(namespace, id), { namespace, id, value })
  }

  protected read<T>(namespace: string, id: string): T | null {
    const row = this.space.rows.get(this.key(namespace, id))
    return row === undefined ? null : (this.out(row.value) as T)
  }

  protected drop(namespace: string, id: string): boolean {
    return this.space.rows.delete(this.key(namespace, id))
  }

  protected swap(namespace: string, id: string, expectedRev: number | null, value: unknown): boolean {
    const row = this.space.rows.get(this.key(namespace, id))
    const rev = row === undefined ? null : this.revOf(row)
    if (rev !== expectedRev) return false
    this.put(namespace, id, value)
    return true
  }

  /** Has an integer `rev`, and is as the patch wants it. */
  protected mayPatch(row: Row, { where }: PatchItem): boolean {
    const fits = Object.keys(where).every((name) => {
      const value = this.rules.field(row, name)
      return where[name] === undefined ? value === MISSING : this.rules.equal(value, where[name])
    })
    return fits && Number.isSafeInteger(this.rules.field(row, 'rev'))
  }

  /** The value with the fields of the patch. `set`: a copy of its own, without what is undefined. */
  protected patched(row: Row, { set: wanted, count, revTo }: PatchItem, set: Fields): Fields {
    const rev = this.revOf(row) + 1
    const counted = count === undefined ? 0 : this.rules.field(row, count)
    const next = Object.entries({ ...(row.value as Fields), ...set, rev }).filter(
      ([name]) => !Object.hasOwn(wanted, name) || wanted[name] !== undefined,
    )
    if (count !== undefined) next.push([count, (typeof counted === 'number' ? counted : 0) + 1])
    if (revTo !== undefined) next.push([revTo, rev])
    return Object.fromEntries(next)
  }

  /** A record without the field counts as 0. */
  protected revOf(row: Row): number {
    const rev = this.rules.field(row, 'rev')
    return typeof rev === 'number' ? rev : 0
  }

  /** By `finishedAt`; without that field by `createdAt`; a value that is no instant keeps its record. */
  protected isOld(row: Row, beforeMs: number): boolean {
    const finishedAt = this.rules.field(row, 'finishedAt')
    const instant = typeof finishedAt === 'symbol' ? this.rules.field(row, 'createdAt') : finishedAt
    if (!(instant instanceof Date || typeof instant === 'number')) return false
    return this.isBefore(Number(instant), beforeMs)
  }

  protected isBefore(instantMs: number, beforeMs: number): boolean {
    return instantMs < beforeMs
  }

  /** A copy of what the caller hands in, made before the call returns. */
  protected in(value: unknown): unknown {
    return copyValue(value)
  }

  /** A copy of what is stored. */
  protected out(value: unknown): unknown {
    return copyValue(value)
  }

  protected checkKey(namespace: string, id: string): void {
    checkName(namespace, 'namespace')
    checkName(id, 'id')
  }

  protected checked(namespace: string, id: string, value: unknown): unknown {
    this.checkKey(namespace, id)
    return this.in(value)
  }

  protected checkQuery(namespace: string, filter: Filter): void {
    checkName(namespace, 'namespace')
    checkFilter(filter)
  }
}

function checkCount(count: number | undefined, what: string): void {
  if (count === undefined || (Number.isInteger(count) && count >= 0)) return
  throw new InvalidArgumentError(`${what} must be a non-negative integer, not ${count}`)
}
