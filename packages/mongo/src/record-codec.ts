/**
 * A value as a document, field by field, so that the server can compare, order and index without decoding text.
 *
 * A top-level scalar (number, text, boolean, null, Date) is stored as itself; anything nested as `{ j: its text form, h: a digest that is
 * equal for equal values }`. So nothing of a caller's is ever nested BSON: no operators, no arrays whose elements match, no key order in
 * comparisons. Names of fields are escaped where BSON, paths or the driver give a character a meaning.
 */
import { createHash } from 'node:crypto'
import { copyValue, decodeValue, encodeValue } from '@sched/core/adapter'

export type StoredScalar = string | number | boolean | null | Date
export interface StoredNested {
  /** The codec's text form. */
  readonly j: string
  readonly h: string
}
export type StoredField = StoredScalar | StoredNested

/** Where a value is an object: its fields. Anything else: its text form. */
export interface RecordBody {
  readonly f?: Readonly<Record<string, StoredField>>
  readonly o?: string
  /** The integer field `rev`; 0 where there is none. */
  readonly r: number
  /** The instant that `prune` goes by, epoch ms; missing when it is none. */
  readonly p?: number
}

/** Throws VALUE_UNSERIALIZABLE or VALUE_TOO_LARGE. */
export function encodeRecord(value: unknown, maxBytes: number): RecordBody {
  const copy = copyValue(value, { maxBytes })
  if (!isRecord(copy)) return { o: encodeValue(copy), r: 0 }
  const f: Record<string, StoredField> = {}
  for (const name in copy) f[fieldName(name)] = storedField(copy[name])
  const { rev } = f
  const instant = pruneInstant(f)
  return {
    f,
    r: Number.isSafeInteger(rev) ? (rev as number) : 0,
    ...(instant !== undefined && { p: instant }),
  }
}

/** A deep copy of what was encoded. Throws VALUE_UNSERIALIZABLE when the text in it is none. */
export function decodeRecord<T>({ f, o }: RecordBody): T {
  if (f === undefined) return decodeValue<T>(o as string)
  const value: Record<string, unknown> = {}
  for (const stored in f) {
    const field = f[stored] as StoredField
    const name = originalName(stored)
    const decoded = isNested(field) ? decodeValue(field.j) : field
    if (name === '__proto__')
      Object.defineProperty(value, name, {
        value: decoded,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    else value[name] = decoded
  }
  return value as T
}

/** Of a copy that the codec made. */
export function storedField(value: unknown): StoredField {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value as StoredScalar
  return { j: encodeValue(value), h: digestOf(value) }
}

/** Of base64: 192 bits. What is no longer stands for itself; it begins with a bracket, which base64 has not. */
const DIGEST_LENGTH = 32

/** Equal for values that are equal as the codec sees it: the order of keys does not matter. */
export function digestOf(value: unknown): string {
  const text = canonicalText(value)
  return text.length <= DIGEST_LENGTH
    ? text
    : createHash('sha256').update(text).digest('base64').slice(0, DIGEST_LENGTH)
}

/** Names that mean something to JavaScript or the driver. */
const TAKEN = new Set(['', '__proto__', '_bsontype', 'toBSON'])
const MEANINGFUL = /[%.$\0]/

/** As a name within `f`: without dots, dollars and NUL. */
export function fieldName(name: string): string {
  if (TAKEN.has(name)) return `%${name}`
  if (!MEANINGFUL.test(name)) return name
  return name.replace(/[%.$\0]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

function originalName(stored: string): string {
  if (!stored.includes('%')) return stored
  const rest = stored.slice(1)
  if (stored.startsWith('%') && TAKEN.has(rest)) return rest
  return stored.replace(/%([0-9a-f]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )
}

function canonicalText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (value instanceof Date) return `d${value.getTime()}`
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`
  const fields = value as Record<string, unknown>
  const names = Object.keys(fields).sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalText(fields[name])}`).join()}}`
}

/** `finishedAt`; without that field `createdAt`. */
function pruneInstant(f: Readonly<Record<string, StoredField>>): number | undefined {
  const instant = Object.hasOwn(f, 'finishedAt') ? f.finishedAt : f.createdAt
  if (instant instanceof Date) return instant.getTime()
  return typeof instant === 'number' ? instant : undefined
}

function isNested(field: StoredField): field is StoredNested {
  return typeof field === 'object' && field !== null && !(field instanceof Date)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
