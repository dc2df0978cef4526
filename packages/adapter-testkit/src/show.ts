/** How the kit prints values: like JavaScript, short, and with what a terminal hides made visible. */
const MAX_TEXT = 60
const MAX_ITEMS = 12

export function show(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return showText(value)
    case 'undefined':
      return 'undefined'
    case 'bigint':
      return `${value}n`
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'boolean':
      return String(value)
    case 'symbol':
      return String(value)
    case 'function':
      return `function ${value.name || '(anonymous)'}`
    default:
      return value === null ? 'null' : showObject(value as object, depth)
  }
}

function showText(text: string): string {
  const whole = text.length <= MAX_TEXT
  const quoted = JSON.stringify(whole ? text : text.slice(0, MAX_TEXT)).replace(
    /\p{M}|\p{Cf}|\p{Zl}|\p{Zp}|[\u007f-\u009f]/gu,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
  return whole ? quoted : `${quoted}… (${text.length} characters)`
}

function showObject(value: object, depth: number): string {
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'Invalid Date' : `Date(${value.toISOString()})`
  if (value instanceof AbortSignal) return `signal${value.aborted ? ' (aborted)' : ''}`
  if (value instanceof Error) {
    const code = (value as { code?: unknown }).code
    return `${value.name}${code === undefined ? '' : ` ${String(code)}`}: ${value.message}`
  }
  if (depth > 4) return Array.isArray(value) ? '[…]' : '{…}'
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => show(item, depth + 1))
    if (value.length > MAX_ITEMS) items.push(`… ${value.length} in all`)
    return `[${items.join(', ')}]`
  }
  const entries = Object.entries(value)
  const parts = entries
    .slice(0, MAX_ITEMS)
    .map(([key, item]) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : showText(key)}: ${show(item, depth + 1)}`)
  if (entries.length > MAX_ITEMS) parts.push(`… ${entries.length} keys in all`)
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
}
