/**
 * The codec's quick way for what nearly every value is: strings, finite numbers, booleans, null, dates, arrays and plain objects of
 * these. Whatever else turns up, and whatever might be too large, makes it give up; the codec then walks the value with care and
 * names the culprit.
 */

/** The quick way does not apply. */
export const UNUSUAL: unique symbol = Symbol('unusual')

export interface PlainLimits {
  /** Upper bound of the encoded size, in bytes. */
  readonly maxBytes: number
  readonly maxDepth: number
}

/** What is left of the limits in the current call: none of these functions calls out, so one pair serves all. */
let room = 0
let maxDepth = 0

/** A deep copy, or UNUSUAL. */
export function copyPlain(value: unknown, limits: PlainLimits): unknown {
  room = limits.maxBytes
  maxDepth = limits.maxDepth
  const copy = copyPart(value, 0)
  return room < 0 ? UNUSUAL : copy
}

/** Whether JSON.stringify gives the text form as it is: no date is in it, and nothing that looks like one. */
export function isPlainJson(value: unknown, limits: PlainLimits): boolean {
  room = limits.maxBytes
  maxDepth = limits.maxDepth
  return isPlainPart(value, 0) && room >= 0
}

/** The text of what {@link isPlainJson}; undefined for all else. */
export function plainText(value: unknown, limits: PlainLimits): string | undefined {
  room = limits.maxBytes
  maxDepth = limits.maxDepth
  return isPlainPart(value, 0) && room >= 0 ? JSON.stringify(value) : undefined
}

/** A deep copy of a value that the codec made, so that nothing has to be checked. */
export function cloneValue<T>(value: T): T {
  return (typeof value === 'object' && value !== null ? cloneObject(value) : value) as T
}

function cloneObject(value: object): unknown {
  if (Array.isArray(value)) return value.map(cloneValue)
  if (value instanceof Date) return new Date(value.getTime())
  const copy: Record<string, unknown> = { ...value }
  for (const key in copy) {
    const item = copy[key]
    if (typeof item === 'object' && item !== null && Object.hasOwn(copy, key)) copy[key] = cloneObject(item)
  }
  return copy
}

function copyPart(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return isPlainText(value) ? value : UNUSUAL
    case 'number':
      room -= 25
      if (value === 0) return 0
      return Number.isFinite(value) ? value : UNUSUAL
    case 'boolean':
      room -= 5
      return value
    case 'object':
      if (value !== null) return Array.isArray(value) ? copyArray(value, depth) : copyRecord(value, depth)
      room -= 4
      return null
    default:
      return UNUSUAL
  }
}

function copyArray(value: readonly unknown[], depth: number): unknown {
  if (depth >= maxDepth) return UNUSUAL
  room -= 2 + value.length
  const copy: unknown[] = []
  for (let i = 0; i < value.length; i++) {
    const part = copyPart(value[i], depth + 1)
    if (part === UNUSUAL) return UNUSUAL
    copy.push(part)
  }
  return copy
}

function copyRecord(value: object, depth: number): unknown {
  if (!isRecord(value)) return isPlainDate(value) ? new Date(value.getTime()) : UNUSUAL
  if (depth >= maxDepth) return UNUSUAL
  const copy: Record<string, unknown> = { ...value }
  room -= 2
  for (const key in copy) {
    if (!isPlainText(key)) return UNUSUAL
    room -= 2
    const item = copy[key]
    const part = copyPart(item, depth + 1)
    if (part === UNUSUAL) return UNUSUAL
    // for…in sees what a polluted Object.prototype has, too
    if ((part !== item || item === 0) && Object.hasOwn(copy, key)) copy[key] = part
  }
  return copy
}

function isPlainPart(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      return isPlainText(value)
    case 'number':
      room -= 25
      return Number.isFinite(value)
    case 'boolean':
      room -= 5
      return true
    case 'object':
      break
    default:
      return false
  }
  room -= 4
  if (value === null) return true
  if (depth >= maxDepth) return false
  if (Array.isArray(value)) {
    room -= value.length
    for (let i = 0; i < value.length; i++) if (!isPlainPart(value[i], depth + 1)) return false
    return true
  }
  if (!isRecord(value as object)) return false
  const record = value as Record<string, unknown>
  for (const key in record) {
    room -= 2
    // `$date` and its like: an escape may be needed
    if (!isPlainText(key) || key.charCodeAt(0) === 0x24 || !isPlainPart(record[key], depth + 1)) return false
  }
  return true
}

function isPlainText(text: string): boolean {
  room -= 2 + text.length * 6
  return text.isWellFormed()
}

function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.getOwnPropertySymbols(value).length === 0
}

function isPlainDate(value: object): value is Date {
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) return false
  room -= 30
  return true
}
