import { fieldOf, type Matcher, MISSING } from './filter.ts'
import { compareKeyed, compareText } from './ordering.ts'
import { SortedList } from './sorted-list.ts'

export interface Row {
  readonly id: string
  readonly value: unknown
}

/** The records of one namespace. Values go in and come out by reference: copying is the storage's business. */
export class Records {
  readonly #values: Map<string, unknown> = new Map()
  /** Made by the first ordered read, kept up from then on. */
  #ids: SortedList<string> | undefined

  get size(): number {
    return this.#values.size
  }

  has(id: string): boolean {
    return this.#values.has(id)
  }

  /** The value, or undefined when there is no such record. */
  get(id: string): unknown {
    return this.#values.get(id)
  }

  set(id: string, value: unknown): void {
    if (this.#ids !== undefined && !this.#values.has(id)) this.#ids.add(id)
    this.#values.set(id, value)
  }

  delete(id: string): boolean {
    this.#ids?.remove(id)
    return this.#values.delete(id)
  }

  /** The record's `rev`; 0 when it has none, undefined when there is no record. */
  revOf(id: string): unknown {
    if (!this.#values.has(id)) return undefined
    const rev = fieldOf(this.#values.get(id), 'rev')
    return rev === MISSING ? 0 : rev
  }

  count(matches: Matcher): number {
    let count = 0
    for (const value of this.#values.values()) if (matches(value)) count++
    return count
  }

  /** Matching rows by id, from behind `after` on. */
  *byId(matches: Matcher, after?: string): Generator<Row> {
    for (const id of this.#sortedIds().from(after)) {
      const value = this.#values.get(id)
      if (id !== after && matches(value)) yield { id, value }
    }
  }

  /** Matching rows by a field, see {@link compareKeyed}. */
  byField(matches: Matcher, field: string, direction: 'asc' | 'desc'): Row[] {
    const rows: { id: string; key: unknown; value: unknown }[] = []
    for (const [id, value] of this.#values)
      if (matches(value)) rows.push({ id, key: fieldOf(value, field), value })
    return rows.sort((a, b) => compareKeyed(a, b, direction))
  }

  /** The ids whose time, `finishedAt` or else `createdAt`, is before `beforeMs`. */
  idsBefore(beforeMs: number): string[] {
    const ids: string[] = []
    for (const [id, value] of this.#values) {
      const finishedAt = fieldOf(value, 'finishedAt')
      const instant = finishedAt === MISSING ? fieldOf(value, 'createdAt') : finishedAt
      if ((typeof instant === 'number' || instant instanceof Date) && Number(instant) < beforeMs) ids.push(id)
    }
    return ids
  }

  #sortedIds(): SortedList<string> {
    if (this.#ids === undefined) {
      this.#ids = new SortedList(compareText)
      for (const id of [...this.#values.keys()].sort(compareText)) this.#ids.add(id)
    }
    return this.#ids
  }
}
