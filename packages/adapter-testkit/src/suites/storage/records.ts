import type { IStorageEngine } from '@sched/core/adapter'

/** What the list cases store: `list` gives values only, so each carries its id. */
export interface Row {
  readonly id: string
  readonly [field: string]: unknown
}

/** Saves each row under its id, a few at a time. */
export async function saveRows(
  storage: IStorageEngine,
  namespace: string,
  rows: readonly Row[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += 50)
    await Promise.all(rows.slice(at, at + 50).map((row) => storage.save(namespace, row.id, row)))
}

export function idsOf(rows: readonly Row[]): string[] {
  return rows.map((row) => row.id)
}

/** `n` ids of equal length, so that their order by bytes is that of their numbers. */
export function numbered(n: number, prefix = 'r'): string[] {
  return Array.from({ length: n }, (_, i) => `${prefix}${String(i).padStart(5, '0')}`)
}

/** Order by UTF-8 bytes: not that of JavaScript's sort, which compares UTF-16 units. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
