/** Pauses or resumes a type, for good and for every worker. One trip. Indexes: _id. */
import { retryingDuplicates } from '../duplicates.ts'
import type { PauseDocument } from '../job-document.ts'
import { JOBS } from '../job-indexes.ts'
import type { JobSpace } from '../job-space.ts'

export async function pauseType(
  { connection, scope }: JobSpace,
  type: number,
  paused: boolean,
): Promise<void> {
  await connection.run({ name: 'job pause', repeatable: true }, () =>
    retryingDuplicates(() =>
      connection
        .collection<{ _id: PauseDocument['_id']; t: number[] }>(JOBS)
        .updateOne({ _id: { p: scope } }, paused ? { $addToSet: { t: type } } : { $pull: { t: type } }, {
          upsert: paused,
        }),
    ),
  )
}
