/** A value as error messages name it: texts in quotes, so that `'5'` is told from 5. Never throws. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value)
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString()
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
