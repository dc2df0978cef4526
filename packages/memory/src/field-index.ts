import type { Term } from './filter.ts'
import { compareKeyed, INSTANT, type Keyed, kindOf, NUMBER, UNORDERED } from './ordering.ts'
import { SortedList } from './sorted-list.ts'

/** A stretch of an index: from `start`, itself included, to `end`, itself not. */
export interface Span {
  readonly start: Keyed
  readonly end: Keyed
}

const MIN_INSTANT = new Date(-8.64e15)
/** Behind every id: longer than any of its size could be, of the last character there is. */
const BEHIND_IDS = '\u{10ffff}'.repeat(257)

/** The records of a namespace in the order of one field: numbers, instants, strings, then all others by id. */
export class FieldIndex {
  readonly field: string
  readonly #entries: SortedList<Keyed> = new SortedList((a, b) => compareKeyed(a, b, 'asc'))

  constructor(field: string) {
    this.field = field
  }

  add(id: string, key: unknown): void {
    this.#entries.add({ id, key })
  }

  remove(id: string, key: unknown): void {
    this.#entries.remove({ id, key })
  }

  count({ start, end }: Span): number {
    return Math.max(0, this.#entries.rank(end) - this.#entries.rank(start))
  }

  *ids({ start, end }: Span): Generator<string> {
    for (const entry of this.#entries.from(start)) {
      if (compareKeyed(entry, end, 'asc') >= 0) return
      yield entry.id
    }
  }

  /** Every id in the order that `orderBy` this field asks for. */
  *ordered(direction: 'asc' | 'desc'): Generator<string> {
    const others: Keyed = { id: '', key: undefined }
    if (direction === 'asc') {
      for (const { id } of this.#entries.from()) yield id
      return
    }
    // equal keys keep the order of their ids, so the walk goes back key by key
    for (let end = others; ; ) {
      const last = this.#entries.before(end)
      if (last === undefined) break
      const start: Keyed = { id: '', key: last.key }
      yield* this.ids({ start, end })
      end = start
    }
    for (const { id } of this.#entries.from(others)) yield id
  }
}

/** The stretches of an index on the terms' field in which every match lies; undefined: the terms do not narrow it down. */
export function spansOf(terms: readonly Term[]): Span[] | undefined {
  const equal = terms.find(({ operator, operand }) => operator === '$eq' && kindOf(operand) !== UNORDERED)
  if (equal !== undefined) return [spanOfKey(equal.operand)]
  const range = terms.filter(({ operator }) => operator.startsWith('$l') || operator.startsWith('$g'))
  if (range.length > 0) return spanOfRange(range)
  const among = terms.find(({ operator }) => operator === '$in')?.operand as readonly unknown[] | undefined
  if (among === undefined || among.some((item) => kindOf(item) === UNORDERED)) return undefined
  const keys = among.map((key): Keyed => ({ id: '', key })).sort((a, b) => compareKeyed(a, b, 'asc'))
  const distinct = keys.filter((item, i) => i === 0 || compareKeyed(keys[i - 1]!, item, 'asc') !== 0)
  return distinct.map(({ key }) => spanOfKey(key))
}

function spanOfKey(key: unknown): Span {
  return { start: { id: '', key }, end: { id: BEHIND_IDS, key } }
}

/** Ranges of several kinds exclude each other: then there is no span at all. */
function spanOfRange(terms: readonly Term[]): Span[] {
  const kind = kindOf(terms[0]!.operand)
  if (kind === UNORDERED || terms.some(({ operand }) => kindOf(operand) !== kind)) return []
  let { start, end } = spanOfKind(kind)
  for (const { operator, operand: key } of terms) {
    const behind = operator === '$gt' || operator === '$lte'
    const bound: Keyed = { id: behind ? BEHIND_IDS : '', key }
    if (operator.startsWith('$g')) {
      if (compareKeyed(bound, start, 'asc') > 0) start = bound
    } else if (compareKeyed(bound, end, 'asc') < 0) end = bound
  }
  return [{ start, end }]
}

function spanOfKind(kind: number): Span {
  const numbers: Keyed = { id: '', key: Number.NEGATIVE_INFINITY }
  const instants: Keyed = { id: '', key: MIN_INSTANT }
  const texts: Keyed = { id: '', key: '' }
  if (kind === NUMBER) return { start: numbers, end: instants }
  return kind === INSTANT
    ? { start: instants, end: texts }
    : { start: texts, end: { id: '', key: undefined } }
}
