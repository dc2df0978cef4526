import { type ClaimedJob, type ClaimRequest, MAX_BATCH } from '@sched/core/adapter'
import { checkCount, checkPositive } from '../arguments.ts'
import type { Level } from '../ready-queue.ts'
import type { JobScope } from './job-scope.ts'
import { FAILED } from './job-states.ts'
import type { TypeLane } from './type-lane.ts'
import { claimedJob } from './views.ts'
import type { Claim } from './workers.ts'

/** A wanted type while a claim runs. */
interface Candidate {
  readonly lane: TypeLane
  readonly maxActive: number
  /** How many of this type the claim may still take. */
  left: number
  /** Where the type's next job stands. */
  level: Level
}

export interface ClaimAnswer {
  readonly jobs: readonly ClaimedJob[]
  readonly nextDueInMs: number | null
}

/**
 * Claims by (priority, due, ticket) over all wanted types: a heap of the types' next jobs, so that each job costs the logarithm of
 * the number of types. Paused types, and those at their `maxActive`, are not even looked into. A job past its expiry fails here
 * instead of being handed out; a claim ends after `MAX_BATCH` of those, so that a backlog of them blocks nobody for long.
 */
export function claimJobs(scope: JobScope, want: ClaimRequest, now: number): ClaimAnswer {
  const worker = scope.workers.get(want.worker)
  if (worker === undefined || worker.deadSince !== undefined) return { jobs: [], nextDueInMs: null }

  const jobs: ClaimedJob[] = []
  const heap = candidates(scope, want, now)
  let claim: Claim | undefined
  let expired = 0
  while (jobs.length < want.limit && expired < MAX_BATCH) {
    const best = heap[0]
    if (best === undefined) break
    const { lane } = best
    const slot = lane.ready.take(best.level)
    scope.left(slot, lane)
    if (isExpired(scope, slot, now)) {
      scope.table.extrasOf(slot).reason = 'expired'
      scope.finished(slot, lane, FAILED, now)
      expired++
    } else {
      claim ??= scope.newClaim(worker, now)
      scope.start(slot, lane, claim)
      jobs.push(claimedJob(scope.table, slot))
      best.left--
    }
    const level = best.left > 0 && lane.running < best.maxActive ? lane.ready.next(now) : undefined
    if (level === undefined) removeTop(heap)
    else {
      best.level = level
      sink(heap, 0)
    }
  }
  return { jobs, nextDueInMs: nextDueIn(scope, want, now) }
}

export function checkClaimRequest(want: ClaimRequest): void {
  checkCount(want.limit, 'want.limit')
  for (const { limit, maxActive } of want.types) {
    if (limit !== undefined) checkCount(limit, 'want.types.limit')
    if (maxActive !== undefined) checkPositive(maxActive, 'want.types.maxActive')
  }
}

function isExpired(scope: JobScope, slot: number, now: number): boolean {
  const expiresAt = scope.table.extras[slot]?.expiresAt
  return expiresAt != null && expiresAt <= now
}

/** A heap of the wanted types that have something to give, the one with the best next job on top. */
function candidates(scope: JobScope, want: ClaimRequest, now: number): Candidate[] {
  const heap: Candidate[] = []
  for (const { type, limit = want.limit, maxActive = Number.POSITIVE_INFINITY } of want.types) {
    const lane = scope.lanes.get(type)
    if (lane === undefined || lane.paused || limit === 0 || lane.running >= maxActive) continue
    const level = lane.ready.next(now)
    if (level !== undefined) heap.push({ lane, maxActive, left: limit, level })
  }
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(heap, i)
  return heap
}

/** Milliseconds until time alone makes something claimable for the wanted types; 0: now; null: never. */
function nextDueIn(scope: JobScope, want: ClaimRequest, now: number): number | null {
  let next = Number.POSITIVE_INFINITY
  for (const { type, maxActive = Number.POSITIVE_INFINITY } of want.types) {
    const lane = scope.lanes.get(type)
    if (lane === undefined || lane.paused) continue
    if (lane.running >= maxActive) {
      lane.saturated = true
      continue
    }
    if (lane.ready.next(now) !== undefined) return 0
    next = Math.min(next, lane.ready.nextAfter(now))
  }
  return next === Number.POSITIVE_INFINITY ? null : next - now
}

function goesBefore(a: Candidate, b: Candidate): boolean {
  if (a.level.priority !== b.level.priority) return a.level.priority > b.level.priority
  const left = a.level.line
  const right = b.level.line
  return left.headAt < right.headAt || (left.headAt === right.headAt && left.headTicket < right.headTicket)
}

function sink(heap: Candidate[], from: number): void {
  const item = heap[from]!
  let index = from
  while (true) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && goesBefore(heap[child + 1]!, heap[child]!)) child++
    if (!goesBefore(heap[child]!, item)) break
    heap[index] = heap[child]!
    index = child
  }
  heap[index] = item
}

function removeTop(heap: Candidate[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  heap[0] = last
  sink(heap, 0)
}
