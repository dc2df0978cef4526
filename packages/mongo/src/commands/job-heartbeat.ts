/**
 * Renews a worker's lease, and with it every claim it holds: one small write, then one query for what it runs. What it runs and does not know
 * of is given back in a third trip. `leave` gives back everything and ends the worker; its document stays for a while, so that a claim that
 * was still under way is found by the sweep.
 *
 * Indexes: _id; running.
 */
import {
  encodeValue,
  type HeartbeatReply,
  type Held,
  OPERATION_DEADLINE_MS,
  type WorkerReport,
} from '@sched/core/adapter'
import type { Document } from 'mongodb'
import { retryingDuplicates } from '../duplicates.ts'
import { readToken } from '../job-book.ts'
import { back, type Change, ending, knownJob } from '../job-changes.ts'
import { idOf } from '../job-codec.ts'
import { type JobDocument, STATE, WITHOUT_PAYLOAD, type WorkerDocument, workerId } from '../job-document.ts'
import { changeKinds } from '../job-groups.ts'
import { JOBS } from '../job-indexes.ts'
import { FEW, find, type JobSpace, update } from '../job-space.ts'

/** How long a dead worker is known: `workers()` shows it, and late claims of it are found. */
export const DEAD_WORKER_KEEP_MS = 3_600_000

export interface Beat extends HeartbeatReply {
  /** Types of which jobs went back or ended. */
  readonly types: ReadonlySet<number>
}

export async function heartbeat(space: JobSpace, report: WorkerReport, held: readonly Held[]): Promise<Beat> {
  const { id, leaseMs, phase = 'active' } = report
  const sentAt = performance.now()
  const worker = await renew(space, report)
  const alive = worker !== null && worker.dead !== true
  if (alive && phase !== 'leave') space.leases.renewed(id, sentAt, leaseMs)
  else space.leases.over(id)
  const running = await runningOf(space, id, worker?.t ?? [])
  const fences = new Map(running.map((document) => [idOf(document), document]))
  const isMine = ({ id: job, token }: Held): boolean => {
    const { fence, worker: owner } = readToken(token)
    return owner === id && fences.get(job)?.m === fence
  }
  const mine = held.filter(isMine)
  const reply = {
    alive,
    lost: held.filter((one) => !isMine(one)).map((one) => one.id),
    cancelRequested: mine.filter((one) => fences.get(one.id)?.z !== undefined).map((one) => one.id),
  }
  if (!alive) return { ...reply, types: new Set() }
  const types = await giveBack(space, report, { running, mine: new Set(mine.map((one) => one.id)) })
  if (phase === 'leave') await leave(space, id)
  return { ...reply, types }
}

/** The worker's document after it; null when there is none. */
async function renew({ connection, scope }: JobSpace, report: WorkerReport): Promise<WorkerDocument | null> {
  const { id, leaseMs, phase = 'active', info } = report
  const _id = workerId(scope, id)
  const workers = connection.collection<WorkerDocument>(JOBS)
  if (phase === 'leave')
    return await connection.run({ name: 'job leave', repeatable: true }, () => workers.findOne({ _id }))
  const alive = { $ne: ['$dead', true] }
  const set: Document = {
    u: { $cond: [alive, { $add: ['$$NOW', Math.ceil(leaseMs)] }, '$u'] },
    ...(info !== undefined && { info: { $literal: encodeValue(info) } }),
  }
  // a dead one is answered as it is; only a first heartbeat makes a document
  return await connection.run({ name: 'job heartbeat', repeatable: true }, () =>
    retryingDuplicates(() =>
      workers.findOneAndUpdate({ _id }, [{ $set: set }], {
        upsert: phase === 'join',
        returnDocument: 'after',
      }),
    ),
  )
}

export async function runningOf(
  space: JobSpace,
  worker: string | readonly string[],
  types: readonly number[],
  limit: number = FEW,
): Promise<readonly JobDocument[]> {
  if (types.length === 0 || worker.length === 0) return []
  const { documents } = await find<JobDocument>(space, 'job running', {
    filter: { q: { $in: types }, s: STATE.running, w: typeof worker === 'string' ? worker : { $in: worker } },
    projection: WITHOUT_PAYLOAD,
    limit,
    hint: 'running',
  })
  return documents
}

interface Holding {
  readonly running: readonly JobDocument[]
  /** Ids that the worker holds. */
  readonly mine: ReadonlySet<string>
}

/** What the worker does not hold is released, once it is old enough; what a worker that leaves held may have run. */
async function giveBack(
  space: JobSpace,
  report: WorkerReport,
  { running, mine }: Holding,
): Promise<ReadonlySet<number>> {
  const leaves = report.phase === 'leave'
  const graceMs = leaves ? 0 : (report.claimGraceMs ?? OPERATION_DEADLINE_MS)
  const isOld: Document = { $expr: { $lte: ['$k', { $subtract: ['$$NOW', Math.ceil(graceMs)] }] } }
  const items = running.flatMap((document) => {
    const isHeld = mine.has(idOf(document))
    if (isHeld && !leaves) return []
    const change = isHeld ? abandoned(space, document) : released(space, document)
    return [
      {
        key: document._id,
        type: document.q,
        change,
        condition: {
          s: STATE.running,
          w: report.id,
          // asked for meanwhile: the next heartbeat sees it, or the sweep
          ...(change.ended === undefined && { z: null }),
          ...(!isHeld && graceMs > 0 && isOld),
        },
      },
    ]
  })
  const kinds = await changeKinds(space, 'job give back', items)
  return new Set(kinds.filter(({ changed }) => changed > 0).map(({ type }) => type))
}

function released({ clock }: JobSpace, document: JobDocument): Change {
  if (document.z === undefined) return back({ giveBack: true })
  return ending(knownJob(document), 'cancelled', clock, reasonOf(document.z))
}

function abandoned({ clock }: JobSpace, document: JobDocument): Change {
  const job = knownJob(document)
  if (job.settings.once) return ending(job, 'failed', clock, { reason: 'crashed' })
  if (document.z !== undefined) return ending(job, 'cancelled', clock, reasonOf(document.z))
  return back({})
}

/** As it was asked for; the empty text is none. */
export function reasonOf(asked: string): { readonly reason?: string } {
  return asked === '' ? {} : { reason: asked }
}

async function leave(space: JobSpace, worker: string): Promise<void> {
  const u = [{ $set: { dead: true, left: true, x: { $add: ['$$NOW', DEAD_WORKER_KEEP_MS] } } }]
  await update(space, [{ q: { _id: workerId(space.scope, worker) }, u }], { name: 'job leave' })
}
