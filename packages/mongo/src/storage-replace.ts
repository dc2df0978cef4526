/**
 * Replacements of whole records as updates of many: what the new values have in common stands in such an update once, and a field that is the
 * record's own id is not sent at all. That costs server and client less than to send every value and to look it up by the record's id.
 */
import type { Document } from 'mongodb'
import type { ExpectedRecord } from './commands/storage-compare-and-set.ts'
import { grouped } from './grouped.ts'
import type { StoredField } from './record-codec.ts'
import { inPieces, lengthOf, ownOf } from './storage-own-values.ts'
import type { AlikePatches } from './storage-patch.ts'

/** Of records that are there: the value is an object. */
interface Replacement extends ExpectedRecord {
  readonly expected: number
  readonly body: ExpectedRecord['body'] & { readonly f: Fields }
}

type Fields = Readonly<Record<string, StoredField>>

/** Where more than so many fields differ, the whole values are looked up. */
const MOST_OWN = 2
/** Beyond so many shapes what is like nothing else goes together. */
const MANY_SHAPES = 8

/** Ids are distinct. `others`: what is not there yet, and what has too little in common. */
export function alikeReplacements<R extends ExpectedRecord>(
  items: readonly R[],
): { readonly alike: AlikePatches[]; readonly others: R[] } {
  const alike: AlikePatches[] = []
  const others: R[] = []
  const groups = grouped(items, shapeOf)
  for (const [shape, group] of groups) {
    const isLost = group.length === 1 && groups.size > MANY_SHAPES
    if (shape === undefined || isLost) others.push(...group)
    else
      for (const piece of inPieces(group as readonly (R & Replacement)[], lengthOfReplacement)) {
        const update = updateOf(piece)
        if (update === undefined) others.push(...piece)
        else alike.push(update)
      }
  }
  return { alike, others }
}

/** The same text for values of the same fields; undefined for what is no replacement of an object. */
function shapeOf({ expected, body: { f, p } }: ExpectedRecord): string | undefined {
  if (expected === null || f === undefined) return undefined
  return `${p === undefined ? '' : 'p'}\0${Object.keys(f).join('\0')}`
}

function lengthOfReplacement({ id, body }: Replacement): number {
  return id.i.length + lengthOf(body.f)
}

function updateOf(items: readonly Replacement[]): AlikePatches | undefined {
  const values = new Values(items)
  const r = values.areNext ? { $add: ['$r', 1] } : values.of(({ body }) => body.r)
  const f: Document = {}
  for (const field in (items[0] as Replacement).body.f) {
    const isRev = field === 'rev' && items.every(({ body }) => body.f.rev === body.r)
    f[field] = isRev ? r : values.of(({ body }) => body.f[field])
  }
  const hasInstant = (items[0] as Replacement).body.p !== undefined
  const rest = hasInstant ? { r, p: values.of(({ body }) => body.p) } : { r }
  if (values.own > MOST_OWN) return undefined
  return {
    ids: values.ids,
    condition: values.condition(),
    stages: [{ $replaceWith: { _id: '$_id', f, ...rest } }],
  }
}

class Values {
  readonly ids: ExpectedRecord['id'][]
  /** How many were not the same for all. */
  own = 0
  readonly #items: readonly Replacement[]

  constructor(items: readonly Replacement[]) {
    this.#items = items
    this.ids = items.map(({ id }) => id)
  }

  /** Every `r` is the expected one and one more. */
  get areNext(): boolean {
    return this.#items.every(({ expected, body }) => body.r === expected + 1)
  }

  /** As an expression. */
  of(field: (item: Replacement) => StoredField | undefined): Document | string {
    const items = this.#items
    const first = field(items[0] as Replacement)
    if (items.every((item) => isSame(field(item), first))) return { $literal: first }
    if (items.every((item) => field(item) === item.id.i)) return '$_id.i'
    this.own++
    return ownOf(this.ids, items.map(field))
  }

  condition(): Document {
    const expected = this.#items.map((item) => item.expected)
    if (expected.every((rev) => rev === expected[0])) return { r: { $eq: expected[0] } }
    return { $expr: { $eq: ['$r', ownOf(this.ids, expected)] } }
  }
}

function isSame(a: StoredField | undefined, b: StoredField | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  return a.j === b.j
}
