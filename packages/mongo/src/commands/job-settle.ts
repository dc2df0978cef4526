/**
 * Settles outcomes, each under the token of its claim, and counts what ended. One trip: a statement for each kind of outcome and one for the
 * counters, in one command. Three more where the server found fewer jobs than were named: cancelled meanwhile, settled before, or lost.
 *
 * A repeat changes nothing: a job is found only while it runs under that token, and what was counted twice is taken back.
 *
 * Indexes: _id.
 */
import type { FinalState, Outcome } from '@sched/core/adapter'
import type { Binary, Document } from 'mongodb'
import { type HeldJob, type JobToken, readToken } from '../job-book.ts'
import {
  type Change,
  cancelledInstead,
  changeOf,
  knownJob,
  type OutcomeTexts,
  textsOf,
} from '../job-changes.ts'
import { type JobDocument, STATE, WITHOUT_PAYLOAD, type WorkerDocument, workerId } from '../job-document.ts'
import { jobKey, keyText } from '../job-key.ts'
import { find, type JobSpace, type Statement, update } from '../job-space.ts'
import { Tally } from '../job-tally.ts'

/** Count retention that endings of this type may exceed. */
export interface Excess {
  readonly type: number
  readonly state: FinalState
  readonly count: number
}

export interface SettleReport {
  readonly settled: ('ok' | 'stale')[]
  /** Types of which a job went back. */
  readonly back: Set<number>
  readonly ended: Set<number>
  readonly excess: Map<string, Excess>
}

interface Item {
  readonly outcome: Outcome
  readonly token: JobToken
  readonly texts: OutcomeTexts
  readonly place: number
}

interface Planned {
  readonly item: Item
  readonly held: HeldJob
  readonly change: Change
}

/** Cancellation may be asked for between a look and the settle: so many looks, then the job goes by its lease. */
const LOOKS = 4

export async function settleJobs(space: JobSpace, outcomes: readonly Outcome[]): Promise<SettleReport> {
  const { maxValueBytes } = space.connection.settings
  const report: SettleReport = {
    settled: outcomes.map(() => 'ok'),
    back: new Set(),
    ended: new Set(),
    excess: new Map(),
  }
  const planned: Planned[] = []
  const strange: Item[] = []
  let last: Planned | undefined
  for (const [place, outcome] of outcomes.entries()) {
    const token = readToken(outcome.token)
    const item = { outcome, token, texts: textsOf(outcome, place, maxValueBytes), place }
    const held = space.book.find(outcome.id, token)
    if (held === undefined) {
      strange.push(item)
      continue
    }
    const change = asBefore(item, held, last) ?? changeOf(outcome, held, space.clock, item.texts)
    last = { item, held, change }
    planned.push(last)
  }
  const missed = await apply(space, planned, report)
  if (missed > 0) await settleWithCare(space, { planned, missed, strange }, report)
  else if (strange.length > 0) await settleWithCare(space, { planned: [], missed: 0, strange }, report)
  for (const { id } of outcomes) space.book.remove(id)
  return report
}

/** The change of the one before, where all that makes it is the same: most jobs of a batch complete without a result. */
function asBefore({ outcome }: Item, held: HeldJob, last: Planned | undefined): Change | undefined {
  if (last === undefined || !isPlain(outcome) || !isPlain(last.item.outcome)) return undefined
  if (held.type !== last.held.type || held.settings !== last.held.settings) return undefined
  return last.change
}

function isPlain(outcome: Outcome): outcome is Extract<Outcome, { kind: 'complete' }> {
  return outcome.kind === 'complete' && (outcome.result === undefined || outcome.result === null)
}

/** Resolves to how many of the jobs were not found. All are counted, and what `putRight` holds besides. */
async function apply(
  space: JobSpace,
  planned: readonly Planned[],
  report: SettleReport,
  putRight: Tally = new Tally(),
): Promise<number> {
  const groups = new Map<string, Group>()
  let group: Group | undefined
  for (const one of planned) {
    const { held, change } = one
    note(report, held, change)
    count(putRight, one)
    if (group === undefined || !belongs(group, held, change)) group = groupOf(groups, held, change)
    group.keys.push(held.key)
  }
  const updates: Statement[] = Array.from(groups.values(), ({ q, u, keys }) =>
    keys.length === 1
      ? { q: { _id: keys[0], ...q }, u }
      : { q: { _id: { $in: keys }, ...q }, u, multi: true },
  )
  const counters = putRight.statements(space)
  if (updates.length + counters.length === 0) return 0
  const { found } = await update(space, [...updates, ...counters], { name: 'job settle' })
  return planned.length + counters.length - found
}

/** What one statement does. */
interface Group extends JobToken {
  readonly q: Document
  readonly u: Change['update']
  readonly keys: Binary[]
}

/** Without the text of its kind; another may be of that kind, too. */
function belongs({ fence, worker, u }: Group, held: HeldJob, { update }: Change): boolean {
  return u === update && held.fence === fence && held.worker === worker
}

function groupOf(groups: Map<string, Group>, held: HeldJob, change: Change): Group {
  const { fence, worker } = held
  const kind = `${fence}@${worker} ${change.kind}`
  const known = groups.get(kind)
  if (known !== undefined) return known
  const group = { fence, worker, q: conditionOf(held, change), u: change.update, keys: [] }
  groups.set(kind, group)
  return group
}

function conditionOf({ fence, worker }: JobToken, { ended }: Change): Document {
  return { s: STATE.running, m: fence, w: worker, ...(ended === undefined && { z: null }) }
}

function note(report: SettleReport, { type }: HeldJob, { ended, keepCount }: Change): void {
  if (ended === undefined) {
    report.back.add(type)
    return
  }
  report.ended.add(type)
  if (keepCount !== undefined)
    report.excess.set(`${type} ${ended} ${keepCount}`, { type, state: ended, count: keepCount })
}

interface Doubtful {
  /** Counted, though `missed` of them were not found. */
  readonly planned: readonly Planned[]
  readonly missed: number
  /** Claimed by another process, or settled before. */
  readonly strange: readonly Item[]
}

/** Looks at each job before it is settled, and says of the others why not. */
async function settleWithCare(space: JobSpace, doubtful: Doubtful, report: SettleReport): Promise<void> {
  let { planned, missed } = doubtful
  let items = [...planned.map(({ item }) => item), ...doubtful.strange]
  for (let look = 1; look <= LOOKS && items.length > 0; look++) {
    const documents = await lookAt(space, items)
    const redo: Planned[] = []
    const over: Item[] = []
    for (const item of items) {
      const document = documents.get(keyText(jobKey(space.scope, item.outcome.id)))
      if (document !== undefined && isHeld(document, item.token))
        redo.push(plannedAgain(space, document, item))
      else over.push(item)
    }
    await answer(space, over, documents, report)
    missed = await apply(space, redo, report, countedTwice(planned, redo, missed))
    planned = redo
    items = missed > 0 ? redo.map(({ item }) => item) : []
  }
  for (const { place } of items) report.settled[place] = 'stale'
}

/** What was counted and not done: those that still run; of the others, as many as are missing. */
function countedTwice(planned: readonly Planned[], redo: readonly Planned[], missed: number): Tally {
  const tally = new Tally()
  const running = new Set(redo.map(({ item }) => item))
  const undone = planned.filter(({ item }) => running.has(item))
  const before = planned
    .filter(({ item }) => !running.has(item))
    .slice(0, Math.max(0, missed - undone.length))
  for (const one of [...undone, ...before]) count(tally, one, -1)
  return tally
}

function count(tally: Tally, { item, held, change }: Planned, times = 1): void {
  tally.count(held.type, change, times)
  const { outcome } = item
  if (outcome.kind === 'complete' && outcome.durationMs !== undefined && change.ended === 'completed')
    tally.ran(held.type, outcome.durationMs, times)
}

async function lookAt(space: JobSpace, items: readonly Item[]): Promise<ReadonlyMap<string, JobDocument>> {
  const keys = items.map(({ outcome }) => jobKey(space.scope, outcome.id))
  const { documents } = await find<JobDocument>(space, 'job settle', {
    filter: { _id: { $in: keys } },
    projection: WITHOUT_PAYLOAD,
    limit: keys.length,
  })
  return new Map(documents.map((document) => [keyText(document._id), document]))
}

function isHeld({ s, m, w }: JobDocument, { fence, worker }: JobToken): boolean {
  return s === STATE.running && m === fence && w === worker
}

function plannedAgain({ clock }: JobSpace, document: JobDocument, item: Item): Planned {
  const { outcome, token, texts } = item
  const held: HeldJob = { ...token, ...knownJob(document) }
  const change = changeOf(outcome, held, clock, texts)
  if (document.z === undefined || change.ended !== undefined) return { item, held, change }
  return { item, held, change: cancelledInstead(outcome, held, clock, document.z) }
}

/** Another claim runs it: stale. Else it was settled before, if the worker is one that lives. */
async function answer(
  space: JobSpace,
  items: readonly Item[],
  documents: ReadonlyMap<string, JobDocument>,
  { settled }: SettleReport,
): Promise<void> {
  if (items.length === 0) return
  const names = [...new Set(items.map(({ token }) => token.worker))]
  const { documents: living } = await find<WorkerDocument>(space, 'job settle', {
    filter: { _id: { $in: names.map((name) => workerId(space.scope, name)) }, dead: null },
    projection: { _id: 1 },
    limit: names.length,
  })
  const alive = new Set(living.map(({ _id }) => _id.i))
  for (const { outcome, token, place } of items) {
    const document = documents.get(keyText(jobKey(space.scope, outcome.id)))
    const isStale = document?.s === STATE.running || !alive.has(token.worker)
    settled[place] = isStale ? 'stale' : 'ok'
  }
}
