import { FieldIndex, type Span, spansOf } from './field-index.ts'
import { type CompiledFilter, fieldOf, MISSING } from './filter.ts'
import { compareKeyed, compareText } from './ordering.ts'
import { SortedList } from './sorted-list.ts'

export interface Row {
  readonly id: string
  readonly value: unknown
}

/** Where the matches of a filter lie in one of the indexes. */
interface Narrowed {
  readonly index: FieldIndex
  readonly spans: readonly Span[]
  readonly count: number
}

/** The records of one namespace. Values go in and come out by reference: copying is the storage's business. */
export class Records {
  readonly #values: Map<string, unknown> = new Map()
  readonly #indexes: Map<string, FieldIndex> = new Map()
  /** Made by the first ordered read, kept up from then on. */
  #ids: SortedList<string> | undefined

  get size(): number {
    return this.#values.size
  }

  /** The value, or undefined when there is no such record. */
  get(id: string): unknown {
    return this.#values.get(id)
  }

  set(id: string, value: unknown): void {
    const isNew = !this.#values.has(id)
    if (isNew) this.#ids?.add(id)
    const old = this.#values.get(id)
    for (const index of this.#indexes.values()) {
      const key = fieldOf(value, index.field)
      const oldKey = fieldOf(old, index.field)
      if (!isNew && key === oldKey) continue
      if (!isNew) index.remove(id, oldKey)
      index.add(id, key)
    }
    this.#values.set(id, value)
  }

  delete(id: string): boolean {
    if (!this.#values.has(id)) return false
    this.#ids?.remove(id)
    for (const index of this.#indexes.values()) index.remove(id, fieldOf(this.#values.get(id), index.field))
    return this.#values.delete(id)
  }

  /** The record's `rev`; 0 when it has none, undefined when there is no record. */
  revOf(id: string): unknown {
    if (!this.#values.has(id)) return undefined
    const rev = fieldOf(this.#values.get(id), 'rev')
    return rev === MISSING ? 0 : rev
  }

  /** Filters and orders by these fields no longer look at every record. */
  index(fields: readonly string[]): void {
    for (const field of fields) {
      if (this.#indexes.has(field)) continue
      const index = new FieldIndex(field)
      for (const [id, value] of this.#values) index.add(id, fieldOf(value, field))
      this.#indexes.set(field, index)
    }
  }

  count(filter: CompiledFilter): number {
    if (filter.terms.length === 0) return this.#values.size
    let count = 0
    for (const _ of this.#unordered(filter)) count++
    return count
  }

  /** Matching rows by id, from behind `after` on. */
  *byId(filter: CompiledFilter, after?: string): Generator<Row> {
    const ids = this.#narrowedById(filter, after) ?? this.#sortedIds().from(after)
    for (const id of ids) {
      const value = this.#values.get(id)
      if (id !== after && filter.matches(value)) yield { id, value }
    }
  }

  /** Matching rows by a field, see {@link compareKeyed}. */
  *byField(filter: CompiledFilter, field: string, direction: 'asc' | 'desc'): Generator<Row> {
    const index = this.#indexes.get(field)
    const narrowed = this.#narrow(filter)
    if (index !== undefined && (narrowed === undefined || narrowed.index === index)) {
      for (const id of index.ordered(direction)) {
        const value = this.#values.get(id)
        if (filter.matches(value)) yield { id, value }
      }
      return
    }
    const rows = [...this.#unordered(filter)].map(({ id, value }) => ({
      id,
      value,
      key: fieldOf(value, field),
    }))
    yield* rows.sort((a, b) => compareKeyed(a, b, direction))
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

  *#unordered(filter: CompiledFilter): Generator<Row> {
    const narrowed = this.#narrow(filter)
    const ids = narrowed === undefined ? this.#values.keys() : idsIn(narrowed)
    for (const id of ids) {
      const value = this.#values.get(id)
      if (filter.matches(value)) yield { id, value }
    }
  }

  /** Candidates by id, from behind `after` on; undefined: better walk all ids. */
  #narrowedById(filter: CompiledFilter, after?: string): Iterable<string> | undefined {
    const narrowed = this.#narrow(filter)
    if (narrowed === undefined) return undefined
    const [span] = narrowed.spans
    if (span === undefined) return []
    if (narrowed.spans.length === 1 && span.start.key === span.end.key) {
      // one key: the index has its ids in order
      return narrowed.index.ids(
        after === undefined ? span : { start: { ...span.start, id: after }, end: span.end },
      )
    }
    const ids = [...idsIn(narrowed)].sort(compareText)
    return after === undefined ? ids : ids.filter((id) => compareText(id, after) > 0)
  }

  /** The index that leaves the fewest candidates; undefined: none leaves less than a quarter. */
  #narrow(filter: CompiledFilter): Narrowed | undefined {
    let best: Narrowed | undefined
    for (const index of this.#indexes.values()) {
      const terms = filter.terms.filter(({ field }) => field === index.field)
      const spans = terms.length === 0 ? undefined : spansOf(terms)
      if (spans === undefined) continue
      const count = spans.reduce((sum, span) => sum + index.count(span), 0)
      if (count * 4 <= this.#values.size && (best === undefined || count < best.count))
        best = { index, spans, count }
    }
    return best
  }

  #sortedIds(): SortedList<string> {
    if (this.#ids === undefined) {
      this.#ids = new SortedList(compareText)
      for (const id of [...this.#values.keys()].sort(compareText)) this.#ids.add(id)
    }
    return this.#ids
  }
}

function* idsIn({ index, spans }: Narrowed): Generator<string> {
  for (const span of spans) yield* index.ids(span)
}
