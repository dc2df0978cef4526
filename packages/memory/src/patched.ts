import type { PatchItem } from '@sched/core/adapter'
import { fieldOf, MISSING } from './filter.ts'

type Fields = Readonly<Record<string, unknown>>

/** What the patch makes of a stored value, which stays as it is; undefined where it is refused. `set`: a copy of the patch's own. */
export function patched(value: unknown, patch: PatchItem, set: Fields): Fields | undefined {
  const rev = fieldOf(value, 'rev')
  if (!Number.isSafeInteger(rev) || !holds(value, patch.where)) return undefined
  const next: Record<string, unknown> = { ...(value as Fields), ...set, rev: (rev as number) + 1 }
  for (const field in patch.set) if (patch.set[field] === undefined) delete next[field]
  if (patch.count !== undefined) put(next, patch.count, numberIn(value, patch.count) + 1)
  if (patch.revTo !== undefined) put(next, patch.revTo, next.rev)
  return next
}

function holds(value: unknown, where: PatchItem['where']): boolean {
  for (const field in where) {
    const wanted = where[field]
    if (fieldOf(value, field) !== (wanted === undefined ? MISSING : wanted)) return false
  }
  return true
}

function numberIn(value: unknown, field: string): number {
  const number = fieldOf(value, field)
  return typeof number === 'number' ? number : 0
}

/** Also a field that is called as an object's prototype is. */
function put(record: Record<string, unknown>, field: string, value: unknown): void {
  Object.defineProperty(record, field, { value, enumerable: true, configurable: true, writable: true })
}
