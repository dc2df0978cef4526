/** Records as the columns of a statement's rows. */
import { decodeValue } from '@sched/core/adapter'
import { fromJsonb } from './jsonb-text.ts'

export function decodeRecord<T>(text: string): T {
  return decodeValue<T>(fromJsonb(text))
}

/** Numbers as the text of an array: pg would quote and escape each. */
export function arrayText(numbers: readonly (number | null)[]): string {
  return `{${numbers.map((number) => number ?? 'null').join(',')}}`
}

const UNQUOTED = /^(?!null$)[\w:-]+$/i

/** Ids as the text of an array: most need no quotes, which pg would put around each. */
export function idsText(ids: readonly string[]): string {
  return `{${ids.map(elementText).join(',')}}`
}

/** A text as the element of an array that is text. */
export function elementText(text: string): string {
  return UNQUOTED.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`
}

const SURROGATE = /[\ud800-\udfff]/

/** As the server orders ids, so that two writers lock their rows in one order. UTF-16 orders as bytes do, but for surrogates. */
export function inByteOrder<T extends { readonly id: string }>(rows: T[]): T[] {
  if (rows.some(({ id }) => SURROGATE.test(id)))
    return rows.sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)))
  return rows.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** Those of distinct ids, up to `most`, and then the others: an id named again is for the next statement, after this one. */
export function* inTurns<T extends { readonly id: string }>(
  rows: readonly T[],
  most: number,
): Generator<T[]> {
  for (let left = rows; left.length > 0; ) {
    const now = new Map<string, T>()
    const later: T[] = []
    for (const row of left) {
      if (now.has(row.id) || now.size === most) later.push(row)
      else now.set(row.id, row)
    }
    yield inByteOrder([...now.values()])
    left = later
  }
}

/** `finishedAt`; without that field `createdAt`; null when it is no instant: such a record is never pruned. */
export function pruneInstant(value: unknown): number | null {
  const finishedAt = fieldOf(value, 'finishedAt')
  // an undefined property is dropped by the codec: it is not there
  return instantOf(finishedAt === undefined ? fieldOf(value, 'createdAt') : finishedAt)
}

export function instantOf(value: unknown): number | null {
  if (value instanceof Date) return value.getTime()
  return typeof value === 'number' ? value : null
}

export function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, field))
    return undefined
  return (value as Record<string, unknown>)[field]
}
