/**
 * Changes jobs by id, each as its state allows: see JobChange in the contract. One look at all, then a write for each, side by side, that holds
 * only while the job is as it was seen; again for those that were not. Indexes: _id.
 */
import { type ChangeAnswer, inChunks, type JobChange } from '@sched/core/adapter'
import type { Document } from 'mongodb'
import { type Change, ending, forgotten, knownJob, movedTo, revived, storable } from '../job-changes.ts'
import { dateOf } from '../job-codec.ts'
import { type JobDocument, STATE, WITHOUT_PAYLOAD } from '../job-document.ts'
import { jobKey, keyText } from '../job-key.ts'
import { readSettings } from '../job-settings.ts'
import { find, type JobSpace, update } from '../job-space.ts'
import { Tally } from '../job-tally.ts'
import type { Excess } from './job-settle.ts'

export interface Changed {
  readonly answers: ReadonlyMap<string, ChangeAnswer>
  /** Types of which something became claimable. */
  readonly back: ReadonlySet<number>
  readonly excess: ReadonlyMap<string, Excess>
}

/** So many looks at jobs that others change at the same time; what is still not settled then counts as refused. */
const LOOKS = 8
/** So many writes are under way at once. */
const AT_ONCE = 16

/** Up to 1,000 distinct ids. */
export async function changeJobs(
  space: JobSpace,
  ids: readonly string[],
  change: JobChange,
): Promise<Changed> {
  const answers = new Map<string, ChangeAnswer>()
  const back = new Set<number>()
  const excess = new Map<string, Excess>()
  const perhapsDone = new Set<string>()
  let open = ids
  for (let look = 1; look <= LOOKS && open.length > 0; look++) {
    const seen = await lookAt(space, open)
    const steps: Step[] = []
    for (const id of open) {
      const document = seen.get(keyText(jobKey(space.scope, id)))
      const plan = document && planFor(space, document, change)
      if (document && plan) steps.push({ ...plan, id, document })
      else answers.set(id, perhapsDone.has(id) ? 'ok' : document ? 'refused' : 'missing')
    }
    open = []
    for (const some of inChunks(steps, AT_ONCE)) {
      const done = await Promise.all(some.map((step) => apply(space, step)))
      for (const [i, step] of some.entries()) {
        const how = done[i] as Applied
        if (how === 'perhaps') perhapsDone.add(step.id)
        if (how === 'yes') {
          answers.set(step.id, 'ok')
          note(step, back, excess)
        } else open = [...open, step.id]
      }
    }
  }
  for (const id of open) answers.set(id, 'refused')
  return { answers, back, excess }
}

function note({ document, claimable, end }: Step, back: Set<number>, excess: Map<string, Excess>): void {
  if (claimable) back.add(document.q)
  if (end?.ended === undefined || end.keepCount === undefined) return
  const { ended: state, keepCount: count } = end
  excess.set(`${document.q} ${state} ${count}`, { type: document.q, state, count })
}

interface Plan {
  readonly update: Document | Document[]
  readonly end?: Change
  readonly claimable?: boolean
}

interface Step extends Plan {
  readonly id: string
  readonly document: JobDocument
}

async function lookAt(space: JobSpace, ids: readonly string[]): Promise<ReadonlyMap<string, JobDocument>> {
  const { documents } = await find<JobDocument>(space, 'job change', {
    filter: { _id: { $in: ids.map((id) => jobKey(space.scope, id)) }, s: { $lt: STATE.gone } },
    projection: WITHOUT_PAYLOAD,
    limit: ids.length,
  })
  return new Map(documents.map((document) => [keyText(document._id), document]))
}

/** Undefined: refused. */
function planFor({ clock }: JobSpace, document: JobDocument, change: JobChange): Plan | undefined {
  const { s } = document
  const isPending = s <= STATE.waiting
  const isRunning = s === STATE.running
  switch (change.kind) {
    case 'cancel': {
      const reason = change.reason === undefined ? undefined : storable(change.reason)
      if (isRunning) return { update: { $set: { z: reason ?? document.z ?? '' } } }
      if (!isPending) return undefined
      const end = ending(knownJob(document), 'cancelled', clock, { reason })
      return { update: end.update, end }
    }
    case 'retry':
      if (s !== STATE.failed && s !== STATE.cancelled) return undefined
      return { update: revived(), claimable: true }
    case 'promote':
      return isPending ? { update: [{ $set: movedTo({}) }], claimable: true } : undefined
    case 'reschedule':
      return isPending ? { update: [{ $set: movedTo(change) }], claimable: true } : undefined
    default: {
      if (isRunning) return undefined
      const { rememberMs } = readSettings(document.h)
      return { update: forgotten(dateOf(clock.future() + rememberMs)) }
    }
  }
}

/** `perhaps`: an earlier try of this very write may have done it. */
type Applied = 'yes' | 'no' | 'perhaps'

async function apply(space: JobSpace, { document, end, update: u }: Step): Promise<Applied> {
  const tally = new Tally()
  if (end) tally.count(document.q, end)
  const counters = tally.statements(space)
  const statements = [{ q: asSeen(document), u }, ...counters]
  const { found, mayBeApplied } = await update(space, statements, { name: 'job change' })
  if (found === statements.length) return 'yes'
  const twice = new Tally()
  if (end) twice.count(document.q, end, -1)
  await update(space, twice.statements(space), { name: 'job change' })
  return mayBeApplied ? 'perhaps' : 'no'
}

/** Any change to a job changes its state, its place, its fence, or whether it is to be cancelled. */
function asSeen({ _id, s, d, m, z }: JobDocument): Document {
  return { _id, s, d, m: m ?? null, z: z ?? null }
}
