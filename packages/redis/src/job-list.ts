/** Walks all jobs of a store in the order in which Redis scans its hash: what is there during the whole walk comes exactly once. */
import {
  InvalidArgumentError,
  type JobPage,
  type JobQuery,
  type JobRecord,
  type JobState,
} from '@sched/core/adapter'

export interface JobSource {
  /** One step of the scan: the next cursor, and ids with their bodies. */
  scan(cursor: string, count: number): Promise<readonly [cursor: string, ids: readonly string[]]>
  get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]>
}

/** Where a walk goes on: the scan's cursor, and ids that were found but had no room on the page before. */
interface Position {
  readonly cursor: string
  readonly left: readonly string[]
}

const START: Position = { cursor: '0', left: [] }
const END = 'end'
const LONGEST_STEP = 1_000

export async function listJobs(
  source: JobSource,
  query: JobQuery,
  { limit, states }: { readonly limit: number; readonly states: readonly JobState[] },
): Promise<JobPage> {
  const found: JobRecord[] = []
  let { cursor, left } = readPosition(query.after)
  let step = Math.max(limit, 10)
  for (let first = true; ; first = false) {
    if (left.length === 0) {
      if (cursor === END || (!first && cursor === '0')) break
      const [next, ids] = await source.scan(cursor, step)
      cursor = next === '0' ? END : next
      left = ids
      // few match: look at more with one call
      step = Math.min(step * 2, LONGEST_STEP)
    }
    const records = await source.get(left)
    let used = 0
    for (const record of records) {
      if (found.length === limit) break
      used++
      if (record !== null && matches(record, query, states)) found.push(record)
    }
    left = left.slice(used)
    if (found.length === limit) break
  }
  const after = cursor === END && left.length === 0 ? null : JSON.stringify([cursor, ...left])
  return { jobs: found, after }
}

function matches(record: JobRecord, query: JobQuery, states: readonly JobState[]): boolean {
  return (
    (query.type === undefined || record.type === query.type) &&
    states.includes(record.state) &&
    (query.entityId === undefined || record.entityId === query.entityId) &&
    (query.schedule === undefined || record.occurrence?.schedule === query.schedule)
  )
}

function readPosition(after: string | undefined): Position {
  if (after === undefined) return START
  try {
    const [cursor, ...left] = JSON.parse(after) as string[]
    if (typeof cursor === 'string' && /^(\d+|end)$/.test(cursor)) return { cursor, left }
  } catch {
    // falls through to the error below
  }
  throw new InvalidArgumentError('after must be what the page before gave as `after`')
}
