/**
 * The one order of ids and field values.
 *
 * Ids, and strings everywhere, go by their UTF-8 bytes. JavaScript's `<` goes by UTF-16 units, which differs in one place: characters
 * beyond U+FFFF are written with surrogates (U+D800–U+DFFF) and so would come before U+E000–U+FFFF, while their bytes come after.
 */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return left < 0xd800 || right < 0xd800 ? left - right : asBytes(left) - asBytes(right)
  }
  return a.length - b.length
}

/** Moves surrogates behind U+FFFF, where their bytes stand. */
function asBytes(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000
}

/** What a field's value is to ranges and orders. Values that have no order among themselves are UNORDERED, a missing field included. */
export const NUMBER = 0
export const INSTANT = 1
const TEXT = 2
export const UNORDERED = 3

export function kindOf(value: unknown): number {
  if (typeof value === 'number') return NUMBER
  if (typeof value === 'string') return TEXT
  return value instanceof Date ? INSTANT : UNORDERED
}

/** Compares two values of one kind, which must not be UNORDERED. */
export function compareSameKind(a: unknown, b: unknown): number {
  if (typeof a === 'string') return compareText(a, b as string)
  const left = Number(a)
  const right = Number(b)
  return left < right ? -1 : left > right ? 1 : 0
}

export interface Keyed {
  readonly id: string
  /** The value of the field that orders. */
  readonly key: unknown
}

/**
 * Numbers before instants before strings, each in their order; then, in both directions, everything else by id alone. Ties by id,
 * which `direction` does not turn round.
 */
export function compareKeyed(a: Keyed, b: Keyed, direction: 'asc' | 'desc'): number {
  const left = kindOf(a.key)
  const right = kindOf(b.key)
  let order = 0
  if (left === UNORDERED || right === UNORDERED) {
    if (left !== right) return left === UNORDERED ? 1 : -1
  } else if (left !== right) order = left - right
  else order = compareSameKind(a.key, b.key)
  if (order === 0) return compareText(a.id, b.id)
  return direction === 'desc' ? -order : order
}
