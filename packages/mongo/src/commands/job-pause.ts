/** Pauses or resumes a type, for good and for every worker. One trip. Indexes: _id; waiting. */
import { retryingDuplicates } from '../duplicates.ts'
import { type PauseDocument, STATE } from '../job-document.ts'
import { JOBS } from '../job-indexes.ts'
import type { JobSpace } from '../job-space.ts'

export async function pauseType(
  { connection, scope }: JobSpace,
  type: number,
  paused: boolean,
): Promise<void> {
  const { _id, ...place }: Omit<PauseDocument, 't'> = { _id: { p: scope }, q: scope, s: STATE.waiting, d: -1 }
  const change = paused ? { $addToSet: { t: type }, $set: place } : { $pull: { t: type } }
  await connection.run({ name: 'job pause', repeatable: true }, () =>
    retryingDuplicates(() =>
      connection
        .collection<{ _id: PauseDocument['_id']; t: number[] }>(JOBS)
        .updateOne({ _id }, change, { upsert: paused }),
    ),
  )
}
