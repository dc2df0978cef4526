import { MAX_BATCH, type SweepLimits, type SweepReport } from '@sched/core/adapter'
import { heldSlots } from './heartbeat.ts'
import type { JobScope } from './job-scope.ts'
import type { Worker } from './workers.ts'

/** How long a dead worker's record stays for `workers()` once its jobs were taken back. */
const DEAD_WORKER_KEPT_MS = 3_600_000

/** One bounded round. What it does not get to, the next one does. */
export function sweepJobs(scope: JobScope, limits: SweepLimits): SweepReport {
  const now = scope.now()
  let left = limits.limit ?? MAX_BATCH
  const dead = declareDead(scope, now, limits.graceMs ?? 0)
  const taken = takeBack(scope, now, left)
  left -= taken.recovered + taken.crashed
  const expired = expire(scope, now, left)
  left -= expired
  let pruned = scope.prune(now, left)
  pruned += scope.ids.dropRemembered(now, left - pruned)
  left -= pruned
  return { more: left <= 0, dead, recovered: taken.recovered, crashed: taken.crashed, expired, pruned }
}

/** From here on those workers' heartbeats answer `alive: false`, and they claim nothing. */
function declareDead(scope: JobScope, now: number, graceMs: number): string[] {
  const dead: string[] = []
  for (const worker of scope.workers.values()) {
    if (worker.deadSince === undefined) {
      if (worker.until + graceMs > now) continue
      worker.deadSince = now
      dead.push(worker.id)
    } else if (worker.running === 0 && worker.deadSince + DEAD_WORKER_KEPT_MS <= now) {
      // missing means dead as well
      scope.workers.delete(worker.id)
    }
  }
  return dead
}

/** Each job of a dead worker counts a crash, and goes back, or fails when that was one too many. */
function takeBack(scope: JobScope, now: number, limit: number): { recovered: number; crashed: number } {
  let recovered = 0
  let crashed = 0
  for (const worker of deadWorkersWithJobs(scope)) {
    for (const slot of heldSlots(scope, worker, () => true, limit - recovered - crashed)) {
      const extras = scope.table.extrasOf(slot)
      const terms = scope.table.terms[slot]!
      extras.crashes++
      if (terms.delivery === 'at-most-once' || extras.crashes >= terms.maxCrashes) {
        scope.fail(slot, 'crashed', null, now)
        crashed++
      } else {
        scope.requeue(slot, now, scope.table.runAt[slot]!, { giveBack: false, keepPlace: true })
        recovered++
      }
    }
  }
  return { recovered, crashed }
}

function deadWorkersWithJobs(scope: JobScope): Worker[] {
  return [...scope.workers.values()].filter((worker) => worker.deadSince !== undefined && worker.running > 0)
}

function expire(scope: JobScope, now: number, limit: number): number {
  let expired = 0
  while (expired < limit && scope.expiries.headAt <= now) {
    scope.fail(scope.expiries.headSlot, 'expired', null, now)
    expired++
  }
  return expired
}
