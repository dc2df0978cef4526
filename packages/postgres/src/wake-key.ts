import { createHash } from 'node:crypto'

const known = new Map<string, string>()

/** A short name for what is waited for, the same in every process. A collision costs a needless look. */
export function wakeKey(kind: 'queue' | 'jobs', ...parts: readonly string[]): string {
  const whole = JSON.stringify([kind, ...parts])
  let key = known.get(whole)
  if (key === undefined) {
    key = createHash('sha256').update(whole).digest('base64url').slice(0, 12)
    if (known.size >= 10_000) known.clear()
    known.set(whole, key)
  }
  return key
}
