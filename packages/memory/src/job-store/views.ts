import { type ClaimedJob, cloneValue, JOB_STATES, type JobRecord } from '@sched/core/adapter'
import { COMPLETED, RUNNING } from './job-states.ts'
import type { JobTable } from './job-table.ts'

/** What a claim hands to the runtime: copies of its own. */
export function claimedJob(table: JobTable, slot: number): ClaimedJob {
  const extras = table.extras[slot]
  const claim = table.claims[slot]!
  const terms = table.terms[slot]!
  return {
    id: table.ids[slot]!,
    type: table.lanes[slot]!.type,
    payload: cloneValue(table.payloads[slot]),
    attempt: table.attempts[slot]!,
    failures: extras === undefined ? 0 : extras.failures,
    crashes: extras === undefined ? 0 : extras.crashes,
    fence: claim.number,
    token: claim.token,
    priority: table.priorities[slot]!,
    dueAt: table.runAt[slot]!,
    createdAt: table.createdAt[slot]!,
    expiresAt: extras === undefined ? null : extras.expiresAt,
    maxRetries: terms.maxRetries,
    delivery: terms.delivery,
    entityId: extras === undefined ? null : extras.entityId,
    occurrence: extras === undefined || extras.occurrence === null ? null : cloneValue(extras.occurrence),
    options: extras === undefined || extras.options === null ? null : cloneValue(extras.options),
  }
}

/** A job as a reader sees it: copies of its own. */
export function jobRecord(table: JobTable, slot: number): JobRecord {
  const extras = table.extras[slot]
  const claim = table.claims[slot]
  const terms = table.terms[slot]!
  const state = table.states[slot]!
  return {
    id: table.ids[slot]!,
    type: table.lanes[slot]!.type,
    payload: cloneValue(table.payloads[slot]),
    state: JOB_STATES[state]!,
    priority: table.priorities[slot]!,
    createdAt: table.createdAt[slot]!,
    runAt: table.runAt[slot]!,
    startedAt: claim?.at ?? null,
    finishedAt: state >= COMPLETED ? table.finishedAt[slot]! : null,
    expiresAt: extras?.expiresAt ?? null,
    attempt: table.attempts[slot]!,
    failures: extras?.failures ?? 0,
    crashes: extras?.crashes ?? 0,
    maxRetries: terms.maxRetries,
    maxCrashes: terms.maxCrashes,
    delivery: terms.delivery,
    worker: state === RUNNING ? claim!.worker.id : null,
    fence: claim?.number ?? 0,
    cancelRequested: extras?.cancelRequested ?? false,
    reason: state > COMPLETED ? (extras?.reason ?? null) : null,
    error: cloneValue(extras?.error ?? null),
    result: cloneValue(extras?.result ?? null),
    entityId: extras?.entityId ?? null,
    occurrence: cloneValue(extras?.occurrence ?? null),
    options: cloneValue(extras?.options ?? null),
  }
}
