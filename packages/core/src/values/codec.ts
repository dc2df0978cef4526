/**
 * The one codec: values are JSON plus Date. It checks before any I/O and names the path of the culprit.
 *
 * Text form: JSON, with a Date as `{"$date": epochMs}`. An object whose only key is `$date` (or `$$date`, …) gets one more `$`, so
 * that it survives as itself. Rules: `undefined` properties drop, `undefined` in arrays is null, `-0` is 0, `__proto__` is a key
 * like any other, and what comes back is a deep copy.
 */
import { InvalidArgumentError, ValueTooLargeError, ValueUnserializableError } from '../errors/sched-error.ts'
import { copyPlain, isPlainJson, type PlainLimits, plainText, UNUSUAL } from './plain-values.ts'

export { cloneValue } from './plain-values.ts'

/** The default limit of one encoded value, in bytes of UTF-8. */
export const MAX_VALUE_BYTES: number = 8 * 1024 * 1024
/** The deepest nesting accepted: what every backend can store. */
export const MAX_VALUE_DEPTH = 100

export interface CodecOptions {
  /** What the value is called in error paths; default `value`. */
  readonly root?: string
  /** Limit of the encoded value in bytes; default {@link MAX_VALUE_BYTES}. */
  readonly maxBytes?: number
}

const DEFAULT_LIMITS: PlainLimits = { maxBytes: MAX_VALUE_BYTES, maxDepth: MAX_VALUE_DEPTH }

function limitsOf(options: CodecOptions | undefined): PlainLimits {
  return options?.maxBytes === undefined
    ? DEFAULT_LIMITS
    : { maxBytes: options.maxBytes, maxDepth: MAX_VALUE_DEPTH }
}

type Path = readonly (string | number)[]

const DATE_KEY = /^\$+date$/

/** A deep, normalised copy. Throws VALUE_UNSERIALIZABLE or VALUE_TOO_LARGE. */
export function copyValue<T>(value: T, options?: CodecOptions): T {
  const copy = copyPlain(value, limitsOf(options))
  return copy === UNUSUAL ? copyWithCare(value, options) : (copy as T)
}

function copyWithCare<T>(value: T, options: CodecOptions = {}): T {
  const walk = new Walk(options, false)
  const result = walk.visit(value, 0) as T
  walk.checkSize(() => JSON.stringify(new Walk(options, true).visit(value, 0)))
  return result
}

/** The text form. Throws VALUE_UNSERIALIZABLE or VALUE_TOO_LARGE. */
export function encodeValue(value: unknown, options?: CodecOptions): string {
  return plainText(value, limitsOf(options)) ?? encodeWithCare(value, options)
}

function encodeWithCare(value: unknown, options: CodecOptions = {}): string {
  const walk = new Walk(options, true)
  const text = JSON.stringify(walk.visit(value, 0))
  walk.checkSize(() => text)
  return text
}

/** Whether the value is certainly its own normalised copy. Quick; no is no verdict: {@link copyValue} gives one. */
export function isNormal(value: unknown): boolean {
  return isPlainJson(value, DEFAULT_LIMITS)
}

/** The text form of a value that {@link isNormal}; undefined for any other. */
export function normalText(value: unknown): string | undefined {
  return plainText(value, DEFAULT_LIMITS)
}

/** A text form that is there already, as if its value was encoded now. Throws VALUE_TOO_LARGE. */
export function checkText(
  text: string,
  { root = 'value', maxBytes = MAX_VALUE_BYTES }: CodecOptions = {},
): string {
  if (text.length * 3 <= maxBytes) return text
  const bytes = Buffer.byteLength(text)
  if (bytes > maxBytes) throw new ValueTooLargeError(root, bytes, maxBytes)
  return text
}

/** The value of a text form made by {@link encodeValue}. Throws VALUE_UNSERIALIZABLE when the text is not one. */
export function decodeValue<T = unknown>(text: string, root = 'value'): T {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (cause) {
    throw new ValueUnserializableError(root, `not valid JSON (${(cause as Error).message})`)
  }
  return (text.includes('date"') ? revive(raw) : raw) as T
}

/** Deep equality of two codec values: key order does not matter, dates compare by instant. */
export function equalValues(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => equalValues(item, b[i]))
    )
  }
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  const keys = Object.keys(left)
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equalValues(left[key], right[key]))
  )
}

/** Longest name, id or key an adapter accepts, in bytes of UTF-8 (users' own: 512; core wraps them). */
export const MAX_NAME_BYTES = 1024
export const MAX_USER_NAME_BYTES = 512

/**
 * Names, ids and keys: non-empty, well-formed Unicode without NUL, at most `maxBytes` bytes.
 * `what` names the argument in the error. Throws INVALID_ARGUMENT.
 */
export function checkName(
  name: unknown,
  what: string,
  maxBytes: number = MAX_NAME_BYTES,
): asserts name is string {
  if (typeof name !== 'string')
    throw new InvalidArgumentError(`${what} must be a string, not ${describe(name)}`)
  if (name.length === 0) throw new InvalidArgumentError(`${what} must not be empty`)
  if (name.includes('\0')) throw new InvalidArgumentError(`${what} must not contain a NUL character`)
  if (!name.isWellFormed())
    throw new InvalidArgumentError(`${what} must be well-formed Unicode: it has a lone surrogate`)
  if (name.length * 3 > maxBytes) {
    const bytes = Buffer.byteLength(name)
    if (bytes > maxBytes)
      throw new InvalidArgumentError(`${what} must be at most ${maxBytes} bytes, not ${bytes}`)
  }
}

/** One pass over a value: checks it and builds the copy (`text` false) or what JSON.stringify turns into the text form. */
class Walk {
  readonly #root: string
  readonly #maxBytes: number
  readonly #text: boolean
  readonly #open: object[] = []
  readonly #path: (string | number)[] = []
  /** An upper bound of the encoded bytes: exact counting is only worth it near the limit. */
  #bound = 0

  constructor(options: CodecOptions, text: boolean) {
    this.#root = options.root ?? 'value'
    this.#maxBytes = options.maxBytes ?? MAX_VALUE_BYTES
    this.#text = text
  }

  checkSize(encoded: () => string): void {
    if (this.#bound <= this.#maxBytes) return
    const bytes = Buffer.byteLength(encoded())
    if (bytes > this.#maxBytes) throw new ValueTooLargeError(this.#root, bytes, this.#maxBytes)
  }

  visit(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        this.#string(value)
        return value
      case 'number':
        if (!Number.isFinite(value)) throw this.#fail(`${value} cannot be stored; use null or a string`)
        this.#bound += 25
        return value === 0 ? 0 : value
      case 'boolean':
        this.#bound += 5
        return value
      case 'object':
        if (value === null) {
          this.#bound += 4
          return null
        }
        return this.#object(value, depth)
      case 'undefined':
        throw this.#fail('undefined cannot be stored; use null')
      default:
        throw this.#fail(`a ${typeof value} cannot be stored`)
    }
  }

  #object(value: object, depth: number): unknown {
    if (value instanceof Date) return this.#date(value)
    if (depth >= MAX_VALUE_DEPTH) throw this.#fail(`nested deeper than ${MAX_VALUE_DEPTH} levels`)
    if (this.#open.includes(value)) throw this.#fail('refers back to an object that contains it (a cycle)')
    this.#open.push(value)
    const result = Array.isArray(value) ? this.#array(value, depth) : this.#record(value, depth)
    this.#open.pop()
    return result
  }

  #array(value: readonly unknown[], depth: number): unknown[] {
    this.#bound += 2 + value.length
    const result: unknown[] = new Array(value.length)
    for (let i = 0; i < value.length; i++) {
      const item = value[i]
      this.#path.push(i)
      if (item === undefined) {
        this.#bound += 4
        result[i] = null
      } else result[i] = this.visit(item, depth + 1)
      this.#path.pop()
    }
    return result
  }

  #record(value: object, depth: number): Record<string, unknown> {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      throw this.#fail(
        `an instance of ${value.constructor?.name ?? 'a class'} cannot be stored; convert it to a plain object`,
      )
    }
    if (Object.getOwnPropertySymbols(value).length > 0) throw this.#fail('a symbol key cannot be stored')
    const record = value as Record<string, unknown>
    const keys = Object.keys(record)
    const result: Record<string, unknown> = {}
    this.#bound += 2
    let kept = 0
    for (const key of keys) {
      const item = record[key]
      if (item === undefined) continue
      kept++
      this.#path.push(key)
      this.#string(key)
      this.#bound += 2
      put(result, key, this.visit(item, depth + 1))
      this.#path.pop()
    }
    if (this.#text && kept === 1) return escapeDateKey(result)
    return result
  }

  #date(value: Date): unknown {
    const ms = value.getTime()
    if (Number.isNaN(ms)) throw this.#fail('an invalid Date cannot be stored')
    this.#bound += 30
    return this.#text ? { $date: ms } : new Date(ms)
  }

  #string(text: string): void {
    this.#bound += 2 + text.length * 6
    if (!text.isWellFormed()) throw this.#fail('the text has a lone surrogate and cannot be stored')
  }

  #fail(what: string): ValueUnserializableError {
    return new ValueUnserializableError(joinPath(this.#root, this.#path), what)
  }
}

/** Assignment that treats `__proto__` as a plain key. */
function put(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true })
  else record[key] = value
}

function escapeDateKey(record: Record<string, unknown>): Record<string, unknown> {
  const key = Object.keys(record)[0]!
  return DATE_KEY.test(key) ? { [`$${key}`]: record[key] } : record
}

function revive(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = revive(value[i])
    return value
  }
  const record = value as Record<string, unknown>
  const keys = Object.keys(record)
  if (keys.length === 1 && DATE_KEY.test(keys[0]!)) {
    const key = keys[0]!
    return key === '$date' ? new Date(record[key] as number) : { [key.slice(1)]: revive(record[key]) }
  }
  for (const key of keys) put(record, key, revive(record[key]))
  return record
}

function joinPath(root: string, path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(part) ? `${text}.${part}` : `${text}[${JSON.stringify(part)}]`
  }, root)
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
}
