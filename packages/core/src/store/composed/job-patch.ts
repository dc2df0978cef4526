/**
 * Changes of jobs as patches, for a storage that has them: what a claim or a settle does without reading the record or writing it whole.
 * Each leaves the record as the transition of the same name does.
 */
import type { PatchItem } from '../../contracts/storage-engine.ts'
import type { JobRow } from './job-row.ts'
import { JOB_PACKING } from './job-table.ts'
import type { Leased } from './queues.ts'
import type { Claimer } from './transitions.ts'

/**
 * `claimed`, of a job that waits for nothing and does not expire. Any other is refused, to be read and judged; and where the claim may be
 * forgotten, so is one that runs at most once, as it would run again.
 */
export function claimPatch(
  { id, type }: Leased,
  { worker, token, receipt, now }: Claimer,
  lasting: boolean,
): PatchItem {
  const state = { state: 'pending', type, notBefore: undefined, expiresAt: undefined }
  return {
    id,
    where: lasting ? state : { ...state, delivery: AT_LEAST_ONCE },
    set: { state: 'running', worker, token, receipt, startedAt: now, dispatch: undefined },
    count: 'attempt',
    revTo: 'fence',
  }
}

/**
 * From `before`, running under its token, to `after`. What others change of a running job they may change meanwhile, but for a request to
 * cancel it when it is to run again: that ends it, and is read.
 */
export function settlePatch(before: JobRow, after: JobRow): PatchItem {
  const { id, token, cancelRequested } = before
  const state = { state: 'running', token }
  const where = after.state === 'pending' ? { ...state, cancelRequested } : state
  return { id, where, set: changes(before, after) }
}

/** `sent`. */
export function sentPatch({ id, rev }: JobRow): PatchItem {
  return { id, where: { rev }, set: { dispatch: undefined } }
}

/** As it is stored: packed, it is not there. */
const AT_LEAST_ONCE = undefined

function changes(before: JobRow, after: JobRow): Record<string, unknown> {
  const from = JOB_PACKING.pack(before) as Record<string, unknown>
  const to = JOB_PACKING.pack(after) as Record<string, unknown>
  const set: Record<string, unknown> = {}
  for (const field in to) if (to[field] !== from[field] && field !== 'rev') set[field] = to[field]
  for (const field in from) if (!(field in to)) set[field] = undefined
  return set
}
