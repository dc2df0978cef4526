import type { JobRecord, JobState } from '../../contracts/job-record.ts'
import type { JobCounts, JobPage, JobQuery, TypeCounts, WorkerRecord } from '../../contracts/job-store.ts'
import { inParallel } from './in-parallel.ts'
import { isJobRow, toRecord } from './job-row.ts'
import { readJobs, undecodableRow } from './job-table.ts'
import type { ComposedParts } from './parts.ts'
import { NO_TALLY } from './tallies.ts'

export async function getJobs(parts: ComposedParts, ids: readonly string[]): Promise<(JobRecord | null)[]> {
  const jobs = await readJobs(parts.jobs, ids)
  return jobs.map((job) => {
    if (job === null || job.state === 'gone') return null
    // its type is not known until a claim finds it in a queue
    return toRecord(job.state === 'undecodable' ? undecodableRow(job, '', parts.now()) : job)
  })
}

/** A page in id order. */
export async function listJobs(
  parts: ComposedParts,
  { type, entityId, schedule, after }: JobQuery,
  { limit, states }: { readonly limit: number; readonly states: readonly JobState[] },
): Promise<JobPage> {
  if (limit === 0) return { jobs: [], after: after ?? null }
  const filter = {
    state: states.length === 1 ? states[0] : { $in: states },
    ...(type === undefined ? {} : { type }),
    ...(entityId === undefined ? {} : { entityId }),
    ...(schedule === undefined ? {} : { schedule }),
  }
  const { rows, next } = await parts.jobs.page(filter, limit, after ?? null)
  return { jobs: rows.filter(isJobRow).map(toRecord), after: next }
}

export async function countJobs(parts: ComposedParts): Promise<JobCounts> {
  const [types, tallies] = await Promise.all([parts.types.list(), parts.tallies.read()])
  const counts = await inParallel(types, async ({ id: type, paused }): Promise<[string, TypeCounts]> => {
    const [pending, running] = await Promise.all([
      parts.jobs.count({ type, state: 'pending' }),
      parts.jobs.count({ type, state: 'running' }),
    ])
    const { completed, failed, cancelled, durationMs } = tallies.get(type) ?? NO_TALLY
    return [type, { pending, running, completed, failed, cancelled, durationMs, paused }]
  })
  return { types: Object.fromEntries(counts) }
}

export async function listWorkers(parts: ComposedParts): Promise<WorkerRecord[]> {
  const rows = await parts.workers.list()
  return inParallel(rows, async ({ id, until, dead, info }) => {
    const running = await parts.jobs.count({ worker: id, state: 'running' })
    return { id, until, dead, running, info }
  })
}
