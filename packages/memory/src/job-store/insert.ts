import { checkName, copyValue, InvalidArgumentError, type NewJob } from '@sched/core/adapter'
import { checkDuration, checkInstant, checkPriority } from '../arguments.ts'
import { hashOf } from './id-index.ts'
import type { JobScope } from './job-scope.ts'
import { termsOf } from './terms.ts'

/**
 * Inserts one job after the other; each stands for itself. A job whose id is in use or still remembered changes nothing, one that is
 * wrong gives its error.
 */
export function insertJobs(scope: JobScope, jobs: readonly NewJob[]): ('inserted' | 'exists' | Error)[] {
  const now = scope.now()
  return jobs.map((job) => {
    try {
      return insertJob(scope, job, now)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  })
}

function insertJob(scope: JobScope, job: NewJob, now: number): 'inserted' | 'exists' {
  checkJob(job)
  const terms = termsOf(job, scope.lanes.get(job.type)?.latestTerms)
  const payload = copyValue(job.payload, PAYLOAD)
  const options = job.options === undefined ? null : copyValue(job.options, OPTIONS)
  const hash = hashOf(job.id)
  if (scope.ids.isKnown(job.id, hash, now)) return 'exists'

  const { table } = scope
  const lane = scope.laneOf(job.type)
  const slot = table.allocate()
  table.ids[slot] = job.id
  table.hashes[slot] = hash
  table.payloads[slot] = payload
  table.lanes[slot] = lane
  table.terms[slot] = terms
  lane.latestTerms = terms
  table.priorities[slot] = job.priority
  table.attempts[slot] = 0
  table.createdAt[slot] = now
  const expiresAt = job.expiresInMs === undefined ? job.expiresAt : now + job.expiresInMs
  if (expiresAt !== undefined) table.extrasOf(slot).expiresAt = expiresAt
  if (job.entityId !== undefined) {
    table.extrasOf(slot).entityId = job.entityId
    scope.byEntity.add(job.entityId, slot)
  }
  if (job.occurrence !== undefined) {
    const { schedule, due } = job.occurrence
    table.extrasOf(slot).occurrence = { schedule, due }
    scope.bySchedule.add(schedule, slot)
  }
  if (options !== null) table.extrasOf(slot).options = options
  scope.ids.add(job.id, hash, slot)
  scope.enter(slot, dueAt(job, now), now)
  return 'inserted'
}

const PAYLOAD = { root: 'payload' }
const OPTIONS = { root: 'options' }

/** An instant in the past counts as now. */
function dueAt(job: NewJob, now: number): number {
  if (job.delayMs !== undefined) return now + job.delayMs
  return job.runAt === undefined || job.runAt < now ? now : job.runAt
}

function checkJob(job: NewJob): void {
  checkName(job.id, 'id')
  checkName(job.type, 'type')
  checkPriority(job.priority)
  if (job.delayMs !== undefined) {
    checkDuration(job.delayMs, 'delayMs')
    if (job.runAt !== undefined) throw new InvalidArgumentError('give delayMs or runAt, not both')
  }
  if (job.runAt !== undefined) checkInstant(job.runAt, 'runAt')
  if (job.expiresInMs !== undefined) checkDuration(job.expiresInMs, 'expiresInMs')
  if (job.expiresAt !== undefined) checkInstant(job.expiresAt, 'expiresAt')
  if (job.entityId !== undefined) checkName(job.entityId, 'entityId')
  if (job.occurrence !== undefined) {
    checkName(job.occurrence.schedule, 'occurrence.schedule')
    checkInstant(job.occurrence.due, 'occurrence.due')
  }
}
