/**
 * Reads jobs: by id, or in the order of their keys, so that one that matches during the whole walk comes exactly once. One trip a page. Lists of
 * what has ended walk by type and end, unless they ask for something else too.
 *
 * Indexes: _id; running; ended.
 */
import {
  InvalidArgumentError,
  type JobPage,
  type JobQuery,
  type JobRecord,
  type JobState,
} from '@sched/core/adapter'
import type { Document } from 'mongodb'
import { readRecord } from '../job-codec.ts'
import { type JobDocument, STATE } from '../job-document.ts'
import { jobKey, keyOfText, keysOf, keyText } from '../job-key.ts'
import { find, type JobSpace } from '../job-space.ts'

const STATES: Readonly<Record<JobState, readonly number[]>> = {
  pending: [STATE.ready, STATE.waiting],
  running: [STATE.running],
  completed: [STATE.completed],
  failed: [STATE.failed],
  cancelled: [STATE.cancelled],
}

/** Up to 1,000 ids. An answer ends at 16 MiB, so it may take more than one. */
export async function getJobs(
  space: JobSpace,
  ids: readonly string[],
): Promise<ReadonlyMap<string, JobRecord>> {
  const records = new Map<string, JobRecord>()
  let open = ids.map((id) => jobKey(space.scope, id))
  while (open.length > 0) {
    const { documents, cut } = await find<JobDocument>(space, 'job get', {
      filter: { _id: { $in: open }, s: { $lt: STATE.gone } },
      limit: open.length,
    })
    for (const record of await recordsOf(space, documents)) records.set(record.id, record)
    if (!cut) break
    const seen = new Set(documents.map(({ _id }) => keyText(_id)))
    open = open.filter((key) => !seen.has(keyText(key)))
  }
  return records
}

export async function listJobs(
  space: JobSpace,
  query: JobQuery,
  { limit, states }: { readonly limit: number; readonly states: readonly JobState[] },
): Promise<JobPage> {
  if (limit === 0) return { jobs: [], after: null }
  const { documents, cut } = await find<JobDocument>(space, 'job list', {
    filter: await filterOf(space, query, states),
    sort: { _id: 1 },
    limit: limit + 1,
  })
  const page = documents.slice(0, limit)
  const more = cut || documents.length > limit
  const last = page.at(-1)
  return { jobs: await recordsOf(space, page), after: more && last ? keyText(last._id) : null }
}

async function filterOf(
  { scope, names }: JobSpace,
  { type, entityId, schedule, after }: JobQuery,
  states: readonly JobState[],
): Promise<Document> {
  const [from, to] = keysOf(scope)
  const numbers = states.flatMap((state) => STATES[state])
  return {
    _id: after === undefined ? { $gte: from, $lte: to } : { $gt: checkedAfter(scope, after), $lte: to },
    s: { $in: numbers },
    ...(type !== undefined && { q: (await names.numbers([type]))[0] }),
    ...(entityId !== undefined && { n: entityId }),
    ...(schedule !== undefined && { 'o.0': schedule }),
  }
}

function checkedAfter(scope: number, after: string): Document {
  const key = keyOfText(scope, after)
  if (key !== undefined) return key
  throw new InvalidArgumentError('after must be what the page before gave as `after`')
}

async function recordsOf(space: JobSpace, documents: readonly JobDocument[]): Promise<readonly JobRecord[]> {
  const names = await space.names.namesOf(documents.map(({ q }) => q))
  return documents.map((document) => readRecord(document, names.get(document.q) as string))
}
