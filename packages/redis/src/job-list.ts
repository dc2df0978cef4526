/**
 * Walks jobs page by page. Finished ones are kept in sorted sets, and running ones are few: both are walked in order. A walk that wants
 * pending ones too goes over everything, in the order in which Redis scans its hash.
 */
import { createHash } from 'node:crypto'
import {
  FINAL_STATES,
  type FinalState,
  InvalidArgumentError,
  type JobPage,
  type JobQuery,
  type JobRecord,
  type JobState,
} from '@sched/core/adapter'

/** One of the kept finished jobs: its set, its score in it, its id. */
export type FinishedPlace = readonly [set: string, score: string, id: string]

export interface JobSource {
  /** One step of the scan over all jobs: the next cursor, and ids. */
  scan(cursor: string, count: number): Promise<readonly [cursor: string, ids: readonly string[]]>
  /** Those after a place, in order; less than asked for means the end. */
  finished(
    states: readonly FinalState[],
    type: string | undefined,
    count: number,
    after: FinishedPlace,
  ): Promise<readonly FinishedPlace[]>
  /** The ids of all running jobs. */
  running(): Promise<readonly string[]>
  get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]>
}

export interface CheckedQuery {
  readonly limit: number
  readonly states: readonly JobState[]
}

const LONGEST_STEP = 1_000

export async function listJobs(source: JobSource, query: JobQuery, checked: CheckedQuery): Promise<JobPage> {
  const { states } = checked
  if (states.every(isFinal)) return await listFinished(source, query, checked, states)
  if (states.every((state) => state === 'running')) return await listRunning(source, query, checked)
  return await listByScan(source, query, checked)
}

async function listFinished(
  source: JobSource,
  query: JobQuery,
  { limit, states }: CheckedQuery,
  finals: readonly FinalState[],
): Promise<JobPage> {
  let after = readAfter(query.after, isPlace) ?? (['', '', ''] as const)
  const found: JobRecord[] = []
  for (let step = limit; ; step = Math.min(step * 2, LONGEST_STEP)) {
    const places = await source.finished(finals, query.type, step, after)
    const records = await source.get(places.map(([, , id]) => id))
    for (const [i, record] of records.entries()) {
      after = places[i] as FinishedPlace
      if (record === null || !matches(record, query, states)) continue
      found.push(record)
      if (found.length === limit) return { jobs: found, after: JSON.stringify(after) }
    }
    if (places.length < step) return { jobs: found, after: null }
  }
}

async function listRunning(
  source: JobSource,
  query: JobQuery,
  { limit, states }: CheckedQuery,
): Promise<JobPage> {
  const [after] = readAfter(query.after, isId) ?? []
  const ids = (await source.running()).filter((id) => after === undefined || id > after).sort()
  const found: JobRecord[] = []
  for (let start = 0; start < ids.length; start += LONGEST_STEP) {
    for (const record of await source.get(ids.slice(start, start + LONGEST_STEP))) {
      if (record === null || !matches(record, query, states)) continue
      found.push(record)
      if (found.length === limit) return { jobs: found, after: JSON.stringify([record.id]) }
    }
  }
  return { jobs: found, after: null }
}

/** Where a scan goes on. */
interface Position {
  readonly cursor: string
  /** Ids that were found but had no room on the page before. */
  readonly left: readonly string[]
  /** Prints of the jobs given last: when the hash shrinks, the scan goes back over the latest of what it has shown. */
  readonly given: readonly string[]
}

const START: Position = { cursor: '0', left: [], given: [] }
const END = 'end'
const PRINTS_KEPT = 256

async function listByScan(
  source: JobSource,
  query: JobQuery,
  { limit, states }: CheckedQuery,
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
  const given = readAfter(after, isScan)
  if (given === undefined) return START
  const [cursor, left, prints] = given
  return { cursor, left, given: prints.match(/.{8}/g) ?? [] }
}

function isFinal(state: JobState): state is FinalState {
  return (FINAL_STATES as readonly JobState[]).includes(state)
}

function isPlace(value: unknown): value is FinishedPlace {
  return Array.isArray(value) && value.length === 3 && value.every((part) => typeof part === 'string')
}

function isId(value: unknown): value is readonly [string] {
  return Array.isArray(value) && value.length === 1 && typeof value[0] === 'string'
}

function isScan(value: unknown): value is readonly [cursor: string, left: readonly string[], prints: string] {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [cursor, left, prints] = value as unknown[]
  return /^(\d+|end)$/.test(String(cursor)) && Array.isArray(left) && typeof prints === 'string'
}

/** What a page gave as `after`; undefined at the start. Throws INVALID_ARGUMENT for anything else, also what another query gave. */
function readAfter<T>(after: string | undefined, isOne: (value: unknown) => value is T): T | undefined {
  if (after === undefined) return undefined
  try {
    const value: unknown = JSON.parse(after)
    if (isOne(value)) return value
  } catch {
    // no JSON: falls through to the error below
  }
  throw new InvalidArgumentError('after must be what the page before, of the same query, gave as `after`')
}
