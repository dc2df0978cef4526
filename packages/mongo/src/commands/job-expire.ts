/**
 * Fails pending jobs that were not started in time, by the server's clock. One trip. Indexes: _id.
 */
import { ending, knownJob } from '../job-changes.ts'
import { type JobDocument, STATE } from '../job-document.ts'
import { changeKinds } from '../job-groups.ts'
import type { JobSpace } from '../job-space.ts'

/** Resolves to how many; none of those that somebody else was quicker with. */
export async function expireJobs(space: JobSpace, documents: readonly JobDocument[]): Promise<number> {
  if (documents.length === 0) return 0
  const condition = { s: { $lte: STATE.waiting }, $expr: { $lte: ['$e', '$$NOW'] } }
  const kinds = await changeKinds(
    space,
    'job expire',
    documents.map((document) => {
      const job = knownJob(document)
      const change = ending(job, 'failed', space.clock, { reason: 'expired' })
      return { key: job.key, type: job.type, change, condition }
    }),
  )
  return kinds.reduce((sum, { changed }) => sum + changed, 0)
}
