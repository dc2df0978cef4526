/**
 * Moves what has come due to the ready ones, where it takes its turn by priority. Two trips for up to 1,000 jobs. Several may do it at once:
 * a job moves once.
 *
 * Indexes: waiting; _id.
 */
import { MAX_BATCH } from '@sched/core/adapter'
import type { Binary } from 'mongodb'
import { STATE } from '../job-document.ts'
import { find, type JobSpace, update } from '../job-space.ts'

/** `now`: the server's, in microseconds. What is due by then stays due, unless it is put off, which is looked at again. */
export async function promoteDue(space: JobSpace, types: readonly number[], now: number): Promise<void> {
  const due = { q: { $in: types }, s: STATE.waiting, d: { $lte: now } }
  const { documents } = await find<{ _id: Binary }>(space, 'job promote', {
    filter: due,
    sort: { d: 1 },
    projection: { _id: 1 },
    limit: MAX_BATCH,
  })
  if (documents.length === 0) return
  const _id = { $in: documents.map((document) => document._id) }
  const u = { $set: { s: STATE.ready } }
  await update(space, [{ q: { ...due, _id }, u, multi: true }], { name: 'job promote', quick: true })
}
