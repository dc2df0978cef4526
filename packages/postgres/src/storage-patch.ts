/**
 * Patches as the parameters of sql/storage/patch.sql, and one alone as those of patch-one.sql. Most of a batch are alike but for a field or
 * two: what they have in common, their shape, is sent once.
 */
import { checkPatch, encodeValue, type PatchItem } from '@sched/core/adapter'
import type { Parameter } from './database.ts'
import { toJsonb } from './jsonb-text.ts'
import { arrayText, elementText, idsText, instantOf } from './record-columns.ts'

/** What becomes of the column `prune_at`. */
const PRUNES = { stays: 0, given: 1, told: 2 } as const

/** In the place of an item's own JSON. */
const NOTHING = '-'

export interface Patch {
  readonly id: string
  /** Of its answer. */
  readonly place: number
  readonly item: PatchItem
  /** The same text for items that name the same fields in the same parts. */
  readonly names: string
}

type Fields = Readonly<Record<string, unknown>>

/** Throws INVALID_ARGUMENT. */
export function patchesOf(items: readonly PatchItem[]): Patch[] {
  return items.map((item, place) => {
    checkPatch(item)
    const { id, where, set, count, revTo } = item
    let names = ''
    for (const field in where) names += where[field] === undefined ? `${field}\0!` : `${field}\0=`
    names += '\0'
    for (const field in set) names += set[field] === undefined ? `${field}\0!` : `${field}\0=`
    return { id, place, item, names: `${names}\0${count}\0${revTo}` }
  })
}

/** `patches`: of distinct ids. Throws VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function patchParameters(patches: readonly Patch[], maxBytes: number): Parameter[] {
  const shapes = new Map<string, Shape>()
  for (const { names, item } of patches) {
    const shape = shapes.get(names)
    if (shape) shape.add(item)
    else shapes.set(names, new Shape(item, shapes.size + 1))
  }
  const own = patches.map(({ names, item }) => {
    const shape = shapes.get(names) as Shape
    return {
      shape: shape.number,
      have: shape.ownHave(item),
      set: shape.ownSet(item, maxBytes),
      pruneAt: shape.pruneAt(item),
    }
  })
  const all = [...shapes.values()]
  return [
    idsText(patches.map(({ id }) => id)),
    arrayText(own.map(({ shape }) => shape)),
    own.map(({ have }) => have).join('\n'),
    own.map(({ set }) => set).join('\n'),
    arrayText(own.map(({ pruneAt }) => pruneAt)),
    all.map((shape) => shape.allHave()),
    all.map((shape) => shape.allSet(maxBytes)),
    all.map(({ lacks }) => lacks),
    all.map(({ drops }) => drops),
    all.map(({ count }) => count),
    all.map(({ revTo }) => revTo),
    arrayText(all.map(({ prunes }) => prunes)),
  ]
}

/** From the id on. Undefined: only the record itself tells what it is pruned by. Throws INVALID_ARGUMENT, VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE. */
export function onePatchParameters(item: PatchItem, maxBytes: number): Parameter[] | undefined {
  checkPatch(item)
  const { id, where, set, count, revTo } = item
  const prunes = prunesOf(set)
  if (prunes === PRUNES.told) return undefined
  const pruneAt = prunes === PRUNES.given ? instantOf(set.finishedAt) : null
  return [
    id,
    haveText(where, EVERY),
    namesText(where),
    setText(set, EVERY, maxBytes),
    namesText(set),
    count === undefined ? null : nameText(count),
    revTo === undefined ? null : nameText(revTo),
    prunes === PRUNES.given,
    pruneAt === null ? null : String(pruneAt),
  ]
}

const EVERY = (): boolean => true

class Shape {
  readonly number: number
  /** Arrays as text. */
  readonly lacks: string | null
  readonly drops: string | null
  readonly count: string | null
  readonly revTo: string | null
  readonly prunes: number
  readonly #first: PatchItem
  /** Fields whose value is not the same in all items. */
  readonly #ownWhere: Set<string> = new Set()
  readonly #ownSet: Set<string> = new Set()

  constructor(first: PatchItem, number: number) {
    const { where, set, count, revTo } = first
    this.number = number
    this.#first = first
    this.lacks = namesText(where)
    this.drops = namesText(set)
    this.count = count === undefined ? null : nameText(count)
    this.revTo = revTo === undefined ? null : nameText(revTo)
    this.prunes = prunesOf(set)
  }

  add({ where, set }: PatchItem): void {
    const { where: firstWhere, set: firstSet } = this.#first
    for (const field in where) if (where[field] !== firstWhere[field]) this.#ownWhere.add(field)
    for (const field in set) if (set[field] !== firstSet[field]) this.#ownSet.add(field)
  }

  allHave(): string {
    return haveText(this.#first.where, (field) => !this.#ownWhere.has(field))
  }

  ownHave({ where }: PatchItem): string {
    return this.#ownWhere.size === 0 ? NOTHING : haveText(where, (field) => this.#ownWhere.has(field))
  }

  allSet(maxBytes: number): string {
    return setText(this.#first.set, (field) => !this.#ownSet.has(field), maxBytes)
  }

  ownSet({ set }: PatchItem, maxBytes: number): string {
    return this.#ownSet.size === 0 ? NOTHING : setText(set, (field) => this.#ownSet.has(field), maxBytes)
  }

  pruneAt({ set }: PatchItem): number | null {
    return this.prunes === PRUNES.given ? instantOf(set.finishedAt) : null
  }
}

function prunesOf(set: Fields): number {
  if (set.finishedAt !== undefined) return PRUNES.given
  return Object.hasOwn(set, 'finishedAt') || Object.hasOwn(set, 'createdAt') ? PRUNES.told : PRUNES.stays
}

function haveText(where: PatchItem['where'], isWanted: (field: string) => boolean): string {
  let text = ''
  for (const field in where) {
    const value = where[field]
    if (value !== undefined && isWanted(field)) text += `,${JSON.stringify(field)}:${JSON.stringify(value)}`
  }
  return toJsonb(`{${text.slice(1)}}`)
}

function setText(set: Fields, isWanted: (field: string) => boolean, maxBytes: number): string {
  // with a second field, which is overwritten, a lone `$date` is no Date
  const there: Record<string, unknown> = { rev: 0 }
  for (const field in set) {
    if (set[field] === undefined || !isWanted(field)) continue
    if (field === '__proto__') Object.defineProperty(there, field, { value: set[field], enumerable: true })
    else there[field] = set[field]
  }
  return toJsonb(encodeValue(there, { root: 'set', maxBytes }))
}

/** The names of what is undefined, as the text of an array; null where there are none. */
function namesText(fields: Fields): string | null {
  let text = ''
  for (const field in fields) if (fields[field] === undefined) text += `,${elementText(nameText(field))}`
  return text === '' ? null : `{${text.slice(1)}}`
}

/** As it lies in jsonb. */
function nameText(field: string): string {
  return field.includes('\0') || field.includes('\x01')
    ? (JSON.parse(toJsonb(JSON.stringify(field))) as string)
    : field
}
