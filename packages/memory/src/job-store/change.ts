import type { ChangeAnswer, JobChange } from '@sched/core/adapter'
import type { JobScope } from './job-scope.ts'
import { CANCELLED, COMPLETED, FAILED, PENDING, RUNNING } from './job-states.ts'

export function changeJobs(scope: JobScope, ids: readonly string[], change: JobChange): ChangeAnswer[] {
  const now = scope.now()
  return ids.map((id) => {
    const slot = scope.ids.slotOf(id)
    if (slot < 0) return 'missing'
    return changeJob(scope, slot, change, now) ? 'ok' : 'refused'
  })
}

/** False: the job's state does not allow it. */
function changeJob(scope: JobScope, slot: number, change: JobChange, now: number): boolean {
  const state = scope.table.states[slot]!
  switch (change.kind) {
    case 'cancel':
      if (state === PENDING) scope.cancel(slot, change.reason ?? null, now)
      else if (state === RUNNING) askToCancel(scope, slot, change.reason)
      return state < COMPLETED
    case 'retry':
      if (state !== FAILED && state !== CANCELLED) return false
      retry(scope, slot, now)
      return true
    case 'promote':
      if (state !== PENDING) return false
      if (scope.table.runAt[slot]! > now) move(scope, slot, now, now)
      return true
    case 'reschedule':
      if (state !== PENDING) return false
      move(scope, slot, Math.max(now, change.runAt ?? now + (change.delayMs ?? 0)), now)
      return true
    case 'discard':
      if (state === RUNNING) return false
      scope.discard(slot, now)
      return true
  }
}

/** Its worker hears of it at the next heartbeat; and any way back to pending ends as cancelled. */
function askToCancel(scope: JobScope, slot: number, reason: string | undefined): void {
  const extras = scope.table.extrasOf(slot)
  extras.cancelRequested = true
  if (reason !== undefined) extras.reason = reason
}

/** The dead letter's second life: failures and crashes start anew, and an expiry that has passed no longer holds. */
function retry(scope: JobScope, slot: number, now: number): void {
  scope.unfinish(slot)
  const extras = scope.table.extras[slot]
  if (extras !== undefined) {
    extras.failures = 0
    extras.crashes = 0
    extras.reason = null
    extras.result = null
    extras.cancelRequested = false
    if (extras.expiresAt !== null && extras.expiresAt <= now) extras.expiresAt = null
  }
  scope.enter(slot, now, now)
}

function move(scope: JobScope, slot: number, runAt: number, now: number): void {
  scope.leave(slot)
  scope.enter(slot, runAt, now)
}
