import type { JobRow } from './job-row.ts'
import type { StoredJob } from './job-table.ts'
import type { ComposedParts } from './parts.ts'
import { finishOf } from './tallies.ts'

/**
 * Takes running jobs from their worker: stores what `change` makes of each, gives the broker's entries back, and publishes what is
 * pending again, should an entry be gone. Resolves to what was stored; a job that changed meanwhile is left alone.
 */
export async function takeBack(
  parts: ComposedParts,
  rows: readonly JobRow[],
  change: (row: JobRow) => StoredJob,
): Promise<StoredJob[]> {
  if (rows.length === 0) return []
  const next = rows.map(change)
  const answers = await parts.jobs.replace(next)
  const stored = next.filter((_, index) => answers[index])
  const taken = rows.filter((_, index) => answers[index])
  await quietly(
    parts,
    'the broker was not told of jobs taken back; it delivers them when their leases end',
    async () => {
      await parts.queues.nack(taken.map(({ id, type, receipt }) => ({ id, type, receipt, delayMs: 0 })))
    },
  )
  await parts.dispatcher.publish(stored.filter((row): row is JobRow => row.state === 'pending'))
  parts.tallies.add(stored.flatMap((row) => finishOf(row)))
  return stored
}

/** For work that something later makes up for: a failure is logged, with the message that says what. */
export async function quietly(
  parts: ComposedParts,
  message: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    parts.logger.warn(message, { error })
  }
}
