/** The counters and workers of a job store, out of what its scripts answer. */
import { decodeValue, type TypeCounts, type WorkerRecord } from '@sched/core/adapter'

const COUNTERS: Readonly<Record<string, keyof TypeCounts>> = {
  p: 'pending',
  r: 'running',
  c: 'completed',
  f: 'failed',
  x: 'cancelled',
  d: 'durationMs',
}

/** A type may have the name of something that every object has. */
function own(types: Record<string, TypeCounts>, type: string): TypeCounts | undefined {
  return Object.hasOwn(types, type) ? types[type] : undefined
}

function put(types: Record<string, TypeCounts>, type: string, counts: TypeCounts): void {
  Object.defineProperty(types, type, { value: counts, enumerable: true, configurable: true, writable: true })
}

const NONE: TypeCounts = {
  pending: 0,
  running: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  durationMs: 0,
  paused: false,
}

/** `counters`: letter + type, number, repeated; `listed`: type, its priorities, entries in their lists. */
export function readCounts(
  counters: readonly string[],
  listed: readonly (readonly [type: string, priorities: string, entries: number])[],
  paused: readonly string[],
): Record<string, TypeCounts> {
  const types: Record<string, TypeCounts> = {}
  for (let i = 0; i < counters.length; i += 2) {
    const field = counters[i] as string
    const name = COUNTERS[field[0] as string]
    const type = field.slice(1)
    if (name !== undefined)
      put(types, type, { ...(own(types, type) ?? NONE), [name]: Number(counters[i + 1]) })
  }
  for (const [type, , entries] of listed) {
    const counts = own(types, type) ?? NONE
    put(types, type, { ...counts, pending: counts.pending + entries })
  }
  for (const type of paused) put(types, type, { ...(own(types, type) ?? NONE), paused: true })
  return types
}

/** `rows`: id, end of the lease, 1 when dead, number of jobs, info, repeated. */
export function readWorkers(rows: readonly (string | number)[]): WorkerRecord[] {
  const workers: WorkerRecord[] = []
  for (let i = 0; i < rows.length; i += 5) {
    const info = rows[i + 4] as string
    workers.push({
      id: rows[i] as string,
      until: Math.floor(Number(rows[i + 1])),
      dead: rows[i + 2] === 1,
      running: rows[i + 3] as number,
      info: info === '' ? {} : decodeValue<Record<string, unknown>>(info, 'info'),
    })
  }
  return workers
}
