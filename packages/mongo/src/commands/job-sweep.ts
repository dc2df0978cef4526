/**
 * One bounded round: workers whose lease ended are declared dead, one by one under the condition that they still are; the jobs of dead workers
 * go back, or fail when they died too often or must never run twice; pending jobs that expired fail; finished records past their age go, and
 * ids remembered long enough. Two at once do no harm: each change holds only for a job that is still as it was seen.
 *
 * Six queries, and a write for each that found something. Indexes: _id, running, expiring, aging, forget.
 */
import { MAX_BATCH, type SweepLimits, type SweepReport } from '@sched/core/adapter'
import type { Binary, Document } from 'mongodb'
import { back, type Change, ending, forgotten, knownJob } from '../job-changes.ts'
import { dateOf } from '../job-codec.ts'
import { type JobDocument, STATE, WITHOUT_PAYLOAD, workerId } from '../job-document.ts'
import { changeKinds } from '../job-groups.ts'
import { JOBS } from '../job-indexes.ts'
import { concernOf, find, type JobSpace, update } from '../job-space.ts'
import { expireJobs } from './job-expire.ts'
import { DEAD_WORKER_KEEP_MS, reasonOf, runningOf } from './job-heartbeat.ts'
import { findWorkers } from './job-workers.ts'

export interface Sweep {
  readonly report: SweepReport
  /** Types of which jobs went back or ended. */
  readonly types: ReadonlySet<number>
}

/** Workers declared dead in one round. */
const MOST_DEAD = 100

export async function sweepJobs(space: JobSpace, limits: SweepLimits): Promise<Sweep> {
  const limit = Math.min(limits.limit ?? MAX_BATCH, MAX_BATCH)
  const now = await space.connection.now()
  const dead = await declareDead(space, now - (limits.graceMs ?? 0))
  const types = [...(await space.names.all()).keys()]
  const taken = await takeBack(space, types, limit)
  let left = limit - taken.touched
  const late = await overdue(
    space,
    { q: { $in: types }, e: { $lte: new Date(now) }, s: { $lte: STATE.waiting } },
    left,
  )
  const expired = await expireJobs(space, late)
  left -= late.length
  const aged = await overdue(space, { q: { $in: types }, j: { $lte: new Date(now) } }, left)
  await forgetRecords(space, aged)
  left -= aged.length
  const gone = await deletePast(space, now, left)
  left -= gone
  const { recovered, crashed } = taken
  return {
    report: { more: left <= 0, dead, recovered, crashed, expired, pruned: aged.length + gone },
    types: new Set([...taken.types, ...late.map(({ q }) => q)]),
  }
}

async function declareDead(space: JobSpace, before: number): Promise<readonly string[]> {
  const ended = { u: { $lte: dateOf(before) }, dead: null }
  const workers = (await findWorkers(space, ended)).slice(0, MOST_DEAD)
  const x = { $add: ['$$NOW', DEAD_WORKER_KEEP_MS] }
  const declared = await Promise.all(
    workers.map(async ({ _id }) => {
      const q = { _id: workerId(space.scope, _id.i), ...ended }
      const { found } = await update(space, [{ q, u: [{ $set: { dead: true, x } }] }], { name: 'job sweep' })
      return found > 0 ? [_id.i] : []
    }),
  )
  return declared.flat()
}

interface TakenBack {
  readonly recovered: number
  readonly crashed: number
  readonly touched: number
  readonly types: ReadonlySet<number>
}

async function takeBack(space: JobSpace, types: readonly number[], limit: number): Promise<TakenBack> {
  const dead = (await findWorkers(space, { dead: true })).map(({ _id }) => _id.i)
  const running = await runningOf(space, dead, types, limit)
  const condition = { s: STATE.running, w: { $in: dead } }
  const items = running.map((document) => {
    const change = crashed(space, document)
    return {
      key: document._id,
      type: document.q,
      change,
      condition: change.ended === undefined ? { ...condition, z: null } : condition,
    }
  })
  const kinds = await changeKinds(space, 'job sweep', items)
  const sum = (of: (change: Change) => boolean): number =>
    kinds.filter(({ change }) => of(change)).reduce((total, { changed }) => total + changed, 0)
  return {
    recovered: sum(({ ended }) => ended !== 'failed'),
    crashed: sum(({ ended }) => ended === 'failed'),
    touched: running.length,
    types: new Set(running.map(({ q }) => q)),
  }
}

/** Counts the death of the job's worker, and decides what becomes of the job. */
function crashed({ clock }: JobSpace, document: JobDocument): Change {
  const job = knownJob(document)
  if (job.settings.once || job.crashes + 1 >= job.settings.maxCrashes)
    return ending(job, 'failed', clock, { reason: 'crashed', crashes: 1 })
  if (document.z !== undefined)
    return ending(job, 'cancelled', clock, { ...reasonOf(document.z), crashes: 1 })
  return back({ crashes: 1 })
}

async function overdue(space: JobSpace, filter: Document, limit: number): Promise<readonly JobDocument[]> {
  if (limit <= 0) return []
  const { documents } = await find<JobDocument>(space, 'job sweep', {
    filter,
    projection: WITHOUT_PAYLOAD,
    limit,
  })
  return documents
}

/** The records go, the ids stay known until `x`. */
async function forgetRecords(space: JobSpace, documents: readonly JobDocument[]): Promise<void> {
  if (documents.length === 0) return
  const q = {
    _id: { $in: documents.map(({ _id }) => _id) },
    j: { $lte: new Date(await space.connection.now()) },
  }
  await update(space, [{ q, u: forgotten('$x'), multi: true }], { name: 'job sweep' })
}

/** Of every scope: what is past its `x` is nobody's. The server does the same by itself, once a minute. */
async function deletePast(space: JobSpace, now: number, limit: number): Promise<number> {
  if (limit <= 0) return 0
  const past = { x: { $lte: new Date(now) } }
  const { documents } = await find<{ _id: Binary }>(space, 'job sweep', {
    filter: past,
    projection: { _id: 1 },
    limit,
    hint: 'forget',
  })
  if (documents.length === 0) return 0
  const { connection } = space
  const { answer } = await connection.send(
    { name: 'job sweep', repeatable: true },
    {
      delete: connection.nameOf(JOBS),
      deletes: [{ q: { _id: { $in: documents.map(({ _id }) => _id) }, ...past }, limit: 0 }],
      writeConcern: concernOf(connection, true),
    },
  )
  return answer.n as number
}
