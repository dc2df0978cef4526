/**
 * Walks all jobs of a store in the order in which Redis scans its hash. The scan shows whatever is there during the whole walk; it may
 * show something twice when the hash shrinks meanwhile, and that is left out here.
 */
import { createHash } from 'node:crypto'
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

/** Where a walk goes on. */
interface Position {
  /** The scan's cursor. */
  readonly cursor: string
  /** Ids that were found but had no room on the page before. */
  readonly left: readonly string[]
  /** Prints of the jobs given last: when the hash shrinks, the scan goes back over the latest of what it has shown. */
  readonly given: readonly string[]
}

const START: Position = { cursor: '0', left: [], given: [] }
const END = 'end'
const LONGEST_STEP = 1_000
const PRINTS_KEPT = 256

export async function listJobs(
  source: JobSource,
  query: JobQuery,
  { limit, states }: { readonly limit: number; readonly states: readonly JobState[] },
): Promise<JobPage> {
  const found: JobRecord[] = []
  const position = readPosition(query.after)
  const given = new Set(position.given)
  let { cursor, left } = position
  let step = Math.max(limit, 10)
  while (found.length < limit) {
    if (left.length === 0) {
      if (cursor === END) break
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
      if (record === null || !matches(record, query, states)) continue
      const print = printOf(record.id)
      if (given.has(print)) continue
      given.add(print)
      found.push(record)
    }
    left = left.slice(used)
  }
  const isEnd = cursor === END && left.length === 0
  const after = isEnd ? null : JSON.stringify([cursor, left, [...given].slice(-PRINTS_KEPT).join('')])
  return { jobs: found, after }
}

const PRINT_LENGTH = 8

/** Short enough for a cursor, long enough to be nobody else's. */
function printOf(id: string): string {
  return createHash('sha1').update(id).digest('base64').slice(0, PRINT_LENGTH)
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
    const [cursor, left, prints] = JSON.parse(after) as [string, string[], string]
    if (/^(\d+|end)$/.test(cursor) && Array.isArray(left))
      return { cursor, left, given: prints.match(/.{8}/g) ?? [] }
  } catch {
    // falls through to the error below
  }
  throw new InvalidArgumentError('after must be what the page before gave as `after`')
}
