import type { NewJob } from '../../contracts/job-store.ts'
import { SchedError } from '../../errors/sched-error.ts'
import { checkedJob } from '../job-arguments.ts'
import { LEAST_JOBS } from './batches.ts'
import { type JobRow, newRow } from './job-row.ts'
import type { JobTable } from './job-table.ts'
import type { ComposedParts } from './parts.ts'

type Answer = 'inserted' | 'exists' | Error

/**
 * Insert-if-absent, then publish. A job whose publish fails is accepted all the same: its record says `dispatch: pending` and is its
 * own outbox row, or names the batch that is. In a user's transaction only the save takes part; the publish follows the commit.
 */
export async function insertJobs(
  parts: ComposedParts,
  jobs: readonly NewJob[],
  transaction: unknown,
): Promise<Answer[]> {
  const table = transaction === undefined ? parts.jobs : parts.jobs.within(transaction)
  const isBatch = transaction === undefined && table.fenced && jobs.length >= LEAST_JOBS
  const batch = isBatch ? await parts.batches.open() : undefined
  const prepared = prepare(parts, jobs, batch)
  const rows = [...new Set(prepared.filter((item) => !(item instanceof Error)))] as JobRow[]
  await parts.types.learn(rows.map(({ type }) => type))
  const answers = new Map<JobRow, boolean | Error>()
  for (const [index, answer] of (await insertEach(table, rows)).entries()) answers.set(rows[index]!, answer)
  const inserted = rows.filter((row) => answers.get(row) === true)
  if (transaction === undefined) {
    const isPublished = await parts.dispatcher.publish(inserted)
    if (batch && isPublished) parts.dispatcher.later(() => parts.batches.close(batch))
  } else parts.dispatcher.watchCommit(inserted)
  return prepared.map((item) => {
    if (item instanceof Error) return item
    const answer = answers.get(item)
    // a second job of that id in this call finds the first
    answers.set(item, false)
    return answer === true ? 'inserted' : answer === false ? 'exists' : answer!
  })
}

/** The row of each job, or what is wrong with it. Jobs of one id share the row of the first. */
function prepare(
  parts: ComposedParts,
  jobs: readonly NewJob[],
  dispatch: string | undefined,
): (JobRow | Error)[] {
  const rows = new Map<string, JobRow>()
  const now = parts.now()
  return jobs.map((job) => {
    try {
      const checked = checkedJob(job)
      const row = rows.get(job.id) ?? newRow(checked, now, parts.revisions.next(), dispatch)
      rows.set(job.id, row)
      return row
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  })
}

/** In one batch; where a value in it is refused, in halves, so that in the end it fails alone. */
async function insertEach(table: JobTable, rows: readonly JobRow[]): Promise<(boolean | Error)[]> {
  try {
    return await table.insert(rows)
  } catch (error) {
    if (!isAboutValue(error)) throw error
    if (rows.length === 1) return [error]
    const half = Math.ceil(rows.length / 2)
    const answers = [
      ...(await insertEach(table, rows.slice(0, half))),
      ...(await insertEach(table, rows.slice(half))),
    ]
    return ownInserts(table, rows, answers)
  }
}

/** The batch that failed may have stored a part of it, which its halves then find: that part was inserted here. */
async function ownInserts(
  table: JobTable,
  rows: readonly JobRow[],
  answers: readonly (boolean | Error)[],
): Promise<(boolean | Error)[]> {
  const refused = rows.filter((_, index) => answers[index] === false)
  const found = await table.read(refused.map(({ id }) => id))
  const own = new Set(
    refused.filter((row, index) => {
      const record = found[index]
      return record && 'rev' in record && record.rev === row.rev
    }),
  )
  return answers.map((answer, index) => answer || own.has(rows[index]!))
}

function isAboutValue(error: unknown): error is SchedError {
  const codes = ['VALUE_TOO_LARGE', 'VALUE_UNSERIALIZABLE', 'INVALID_ARGUMENT']
  return error instanceof SchedError && codes.includes(error.code)
}
