import type { ChangeAnswer, JobChange } from '../../contracts/job-store.ts'
import { UnavailableError } from '../../errors/sched-error.ts'
import { isFinal, type JobRow } from './job-row.ts'
import { readJobs, type StoredJob } from './job-table.ts'
import type { ComposedParts } from './parts.ts'
import { quietly } from './take-back.ts'
import { finishOf } from './tallies.ts'
import { cancelAsked, finished, forgotten, moved, revived } from './transitions.ts'

/** How often a refused change reads again. */
const MAX_READS = 8

/** Changes jobs from outside, each by compare-and-set; a job that changes meanwhile is read and judged again. */
export async function changeJobs(
  parts: ComposedParts,
  ids: readonly string[],
  change: JobChange,
): Promise<ChangeAnswer[]> {
  const answers = new Map<string, ChangeAnswer>()
  let open = [...new Set(ids)]
  for (let reads = 0; reads < MAX_READS && open.length > 0; reads++)
    open = await changeOnce(parts, open, change, answers)
  if (open.length > 0) {
    throw new UnavailableError(
      `job ${open[0]} was changed by others ${MAX_READS} times in a row: ask for the ${change.kind} again`,
    )
  }
  return ids.map((id) => answers.get(id) ?? 'missing')
}

/** Resolves to the ids that were refused and must be read again. */
async function changeOnce(
  parts: ComposedParts,
  ids: readonly string[],
  change: JobChange,
  answers: Map<string, ChangeAnswer>,
): Promise<string[]> {
  const now = parts.now()
  const jobs = await readJobs(parts.jobs, ids)
  const writes: StoredJob[] = []
  for (const [index, id] of ids.entries()) {
    const job = jobs[index] ?? null
    if (job === null || job.state === 'gone') answers.set(id, 'missing')
    else if (job.state === 'undecodable') answers.set(id, 'refused')
    else {
      const next = changed(job, change, now)
      if (next && next !== job) writes.push(next)
      else answers.set(id, next ? 'ok' : 'refused')
    }
  }
  const stored = await parts.jobs.replace(writes)
  const done = writes.filter((_, index) => stored[index])
  for (const { id } of done) answers.set(id, 'ok')
  await tellOthers(parts, done)
  return writes.filter((_, index) => !stored[index]).map(({ id }) => id)
}

/** What the change makes of the job; the job itself where nothing is to do; undefined: its state does not allow it. */
function changed(job: JobRow, change: JobChange, now: number): StoredJob | undefined {
  const { state } = job
  switch (change.kind) {
    case 'cancel':
      if (state === 'pending') return finished(job, 'cancelled', now, { reason: change.reason })
      return state === 'running' ? cancelAsked(job, change.reason) : undefined
    case 'retry':
      return state === 'failed' || state === 'cancelled' ? revived(job, now) : undefined
    case 'promote':
      if (state !== 'pending') return undefined
      return job.runAt > now ? moved(job, now, now) : job
    case 'reschedule':
      return state === 'pending' ? moved(job, now, change.runAt ?? now + (change.delayMs ?? 0)) : undefined
    case 'discard':
      return state === 'running' ? undefined : forgotten(job, now)
  }
}

/**
 * What became due or came back is published; what ended leaves the broker. A job moved to later keeps its earlier entry there: whoever
 * claims it gives it back until then.
 */
async function tellOthers(parts: ComposedParts, rows: readonly StoredJob[]): Promise<void> {
  const pending = rows.filter((row): row is JobRow => row.state === 'pending')
  const ended = rows.filter((row) => row.state === 'gone' || isFinal(row.state))
  await parts.dispatcher.publish(pending)
  await quietly(parts, 'ended jobs stay in the broker until they are claimed', () =>
    parts.queues.remove(ended),
  )
  parts.tallies.add(ended.filter(({ state }) => state === 'cancelled').flatMap((row) => finishOf(row)))
}
