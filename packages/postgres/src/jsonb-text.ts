/**
 * JSON text as jsonb takes it. jsonb has no NUL, so inside strings NUL becomes `\u0001\u0001` and U+0001 becomes `\u0001\u0002`: that is
 * reversible, and keeps the order of strings by bytes.
 */
const ESCAPED = /\\(?:u000([01])|.)/g
const STORED = /\\(?:u0001\\u000([12])|.)/g

/** Of what `encodeValue` made. */
export function toJsonb(json: string): string {
  if (!json.includes('\\u000')) return json
  return json.replace(ESCAPED, (pair, digit: string | undefined) =>
    digit === undefined ? pair : `\\u0001\\u000${digit === '0' ? '1' : '2'}`,
  )
}

/** Of jsonb's text form; for `decodeValue`. */
export function fromJsonb(text: string): string {
  if (!text.includes('\\u0001')) return text
  return text.replace(STORED, (pair, digit: string | undefined) =>
    digit === undefined ? pair : `\\u000${digit === '1' ? '0' : '1'}`,
  )
}
