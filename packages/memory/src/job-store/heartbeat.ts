import {
  copyValue,
  type HeartbeatReply,
  type Held,
  OPERATION_DEADLINE_MS,
  type WorkerReport,
} from '@sched/core/adapter'
import type { JobScope } from './job-scope.ts'
import { RUNNING } from './job-states.ts'
import { type Claim, Worker } from './workers.ts'

/** Renews a worker's lease, or ends it, and squares what it holds with what the store holds for it. */
export function beat(scope: JobScope, report: WorkerReport, held: readonly Held[]): HeartbeatReply {
  const now = scope.now()
  const worker = liveWorker(scope, report, now)
  const known = compare(scope, report.id, held)
  if (worker === undefined) return { alive: false, lost: known.lost, cancelRequested: known.cancelRequested }

  const { marks } = scope.table
  if (report.phase === 'leave') {
    releaseAll(scope, worker, now, (slot) => marks[slot] !== known.mark)
    abandonAll(scope, worker, now)
    scope.workers.delete(worker.id)
  } else if (known.count < worker.running) {
    const graceMs = report.claimGraceMs ?? OPERATION_DEADLINE_MS
    releaseAll(scope, worker, now, (slot, claim) => marks[slot] !== known.mark && now - claim.at >= graceMs)
  }
  return { alive: true, lost: known.lost, cancelRequested: known.cancelRequested }
}

/** Puts back to pending what `wanted` picks of the jobs a worker holds, attempts given back. */
function releaseAll(
  scope: JobScope,
  worker: Worker,
  now: number,
  wanted: (slot: number, claim: Claim) => boolean,
): void {
  for (const slot of heldSlots(scope, worker, wanted)) {
    scope.requeue(slot, now, scope.table.runAt[slot]!, { giveBack: true, keepPlace: true })
  }
}

/** What else a worker holds was started, so it may have run: its attempts stay counted, and what may run only once has failed. */
function abandonAll(scope: JobScope, worker: Worker, now: number): void {
  const { terms, runAt } = scope.table
  for (const slot of heldSlots(scope, worker, () => true)) {
    if (terms[slot]!.delivery === 'at-most-once') scope.fail(slot, 'crashed', null, now)
    else scope.requeue(slot, now, runAt[slot]!, { giveBack: false, keepPlace: true })
  }
}

/** The slots of the jobs that a worker holds, at most `limit`. */
export function heldSlots(
  scope: JobScope,
  worker: Worker,
  wanted: (slot: number, claim: Claim) => boolean,
  limit: number = Number.POSITIVE_INFINITY,
): number[] {
  const { claims, states } = scope.table
  const slots: number[] = []
  for (const claim of worker.claims) {
    for (const slot of claim.slots) {
      if (slots.length >= limit) return slots
      if (claims[slot] === claim && states[slot] === RUNNING && wanted(slot, claim)) slots.push(slot)
    }
  }
  return slots
}

/** The worker with its lease renewed; undefined: it is dead, or never joined. */
function liveWorker(scope: JobScope, report: WorkerReport, now: number): Worker | undefined {
  let worker = scope.workers.get(report.id)
  if (worker === undefined) {
    if (report.phase !== 'join') return undefined
    worker = new Worker(report.id, now, {})
    scope.workers.set(worker.id, worker)
  }
  if (worker.deadSince !== undefined) return undefined
  worker.until = now + report.leaseMs
  if (report.info !== undefined) worker.info = copyValue(report.info, { root: 'info' })
  return worker
}

interface Comparison {
  readonly lost: string[]
  readonly cancelRequested: string[]
  /** How many of `held` the store holds too; each carries `mark`. */
  readonly count: number
  readonly mark: number
}

function compare(scope: JobScope, workerId: string, held: readonly Held[]): Comparison {
  const { claims, extras, marks, states } = scope.table
  const mark = scope.nextMark()
  const lost: string[] = []
  const cancelRequested: string[] = []
  let count = 0
  for (const { id, token } of held) {
    const slot = scope.ids.slotOf(id)
    const claim = slot >= 0 && states[slot] === RUNNING ? claims[slot] : undefined
    if (claim === undefined || claim.token !== token || claim.worker.id !== workerId) {
      lost.push(id)
      continue
    }
    if (marks[slot] !== mark) count++
    marks[slot] = mark
    if (extras[slot]?.cancelRequested === true) cancelRequested.push(id)
  }
  return { lost, cancelRequested, count, mark }
}
