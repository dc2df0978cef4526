/** What happens to a job between its insert and its end, one rule of the contract a method. */
import {
  type ClaimedJob,
  type ClaimRequest,
  copyValue,
  DEFAULT_MAX_CRASHES,
  DEFAULT_RETENTION,
  type FinalState,
  type NewJob,
  type Outcome,
  REMEMBER_MS,
} from '@sched/core/adapter'
import { JobTable, type ModelJob } from './job-table.ts'
import { ModelAdapter } from './server.ts'

export abstract class JobRules extends ModelAdapter {
  protected get table(): JobTable {
    this.space.jobs ??= new JobTable()
    return this.space.jobs
  }

  // Inserting

  protected put(job: NewJob): 'inserted' | 'exists' {
    if (this.isKnown(job.id)) return 'exists'
    const now = this.serverNow()
    this.table.add({
      id: job.id,
      type: job.type,
      payload: job.payload,
      state: 'pending',
      priority: job.priority,
      createdAt: now,
      runAt: Math.max(now, job.runAt ?? now + (job.delayMs ?? 0)),
      startedAt: null,
      finishedAt: null,
      expiresAt: job.expiresInMs === undefined ? (job.expiresAt ?? null) : now + job.expiresInMs,
      attempt: 0,
      failures: 0,
      crashes: 0,
      maxRetries: job.maxRetries ?? 0,
      maxCrashes: job.maxCrashes ?? DEFAULT_MAX_CRASHES,
      delivery: job.delivery ?? 'at-least-once',
      worker: null,
      fence: 0,
      cancelRequested: false,
      reason: null,
      error: null,
      result: null,
      entityId: job.entityId ?? null,
      occurrence: job.occurrence ?? null,
      options: job.options ?? null,
      seq: this.space.next(),
      rememberMs: job.rememberMs ?? REMEMBER_MS.made,
      retention: job.retention,
      token: null,
      claimedAt: 0,
    })
    this.table.wake(job.type)
    return 'inserted'
  }

  /** There, or gone but still remembered. */
  protected isKnown(id: string): boolean {
    return this.table.jobs.has(id) || (this.table.remembered.get(id) ?? 0) > this.serverNow()
  }

  // Settling

  protected settleOne(outcome: Outcome): 'ok' | 'stale' {
    const job = this.table.jobs.get(outcome.id)
    if (job?.state === 'running' && this.accepts(job, outcome.token)) {
      this.apply(job, outcome)
      return 'ok'
    }
    return this.answerToUnheld(job, outcome.token)
  }

  protected accepts(job: ModelJob, token: string): boolean {
    return job.token === token
  }

  /** A live worker's token for a job it no longer holds: it was settled before. */
  protected answerToUnheld(job: ModelJob | undefined, token: string): 'ok' | 'stale' {
    if (job?.state === 'running') return 'stale'
    return this.isAlive(this.table.tokens.get(token)) ? 'ok' : 'stale'
  }

  protected apply(job: ModelJob, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'complete':
        this.complete(job, outcome)
        break
      case 'retry':
        this.retry(job, outcome)
        break
      case 'fail':
        this.fail(job, outcome)
        break
      case 'cancel':
        this.cancelled(job, outcome)
        break
      case 'release':
        this.release(job)
        break
      default:
        this.snooze(job, outcome.delayMs)
    }
  }

  protected complete(job: ModelJob, outcome: Outcome & { kind: 'complete' }): void {
    this.table.countersOf(job.type).durationMs += outcome.durationMs ?? 0
    this.finish(job, 'completed', { result: copyValue(outcome.result ?? null), reason: null })
  }

  /** Without a reason of its own it keeps that of the request. */
  protected cancelled(job: ModelJob, { reason }: Outcome & { kind: 'cancel' }): void {
    this.finish(job, 'cancelled', { reason: reason ?? job.reason })
  }

  protected fail(job: ModelJob, { error, reason }: Outcome & { kind: 'fail' }): void {
    this.finish(job, 'failed', { failures: job.failures + 1, error, reason })
  }

  protected retry(job: ModelJob, outcome: Outcome & { kind: 'retry' }): void {
    const failures = job.failures + 1
    if (failures > job.maxRetries) {
      this.finish(job, 'failed', { failures, error: outcome.error, reason: 'error' })
    } else {
      this.backToPending(job, { failures, error: outcome.error, runAt: this.serverNow() + outcome.delayMs })
    }
  }

  protected release(job: ModelJob): void {
    this.backToPending(job, { attempt: this.attemptGivenBack(job) })
  }

  protected snooze(job: ModelJob, delayMs: number): void {
    this.backToPending(job, { attempt: this.attemptGivenBack(job), runAt: this.serverNow() + delayMs })
  }

  protected attemptGivenBack(job: ModelJob): number {
    return job.attempt - 1
  }

  /** Any way back ends as cancelled when that was asked for. */
  protected backToPending(job: ModelJob, change: Partial<ModelJob>): void {
    if (job.cancelRequested) {
      this.finish(job, 'cancelled', change)
      return
    }
    this.table.change(job, { ...change, state: 'pending', token: null, worker: null })
    this.table.wake(job.type)
  }

  protected finish(job: ModelJob, state: FinalState, change: Partial<ModelJob>): void {
    this.table.change(job, { ...change, state, finishedAt: this.serverNow(), token: null, worker: null })
    this.table.countersOf(job.type)[state]++
    this.keepCount(job, state)
    this.table.wake(job.type)
  }

  /** Count retention, at the settle: the latest `count` of this type and state stay. */
  protected keepCount(job: ModelJob, state: FinalState): void {
    const count = this.countToKeep(job, state)
    if (count === undefined) return
    const finished = [...this.table.inState(state)]
      .filter((other) => other.type === job.type)
      .sort((a, b) => (b.finishedAt ?? 0) - (a.finishedAt ?? 0) || b.seq - a.seq)
    for (const old of finished.slice(count)) this.forget(old)
  }

  protected countToKeep(job: ModelJob, state: FinalState): number | undefined {
    return (job.retention?.[state] ?? DEFAULT_RETENTION[state]).count
  }

  /** The record goes, the id stays known for a while. */
  protected forget(job: ModelJob): void {
    this.table.remove(job)
    this.table.remembered.set(job.id, (job.finishedAt ?? this.serverNow()) + job.rememberMs)
  }

  // Claiming

  protected claim(want: ClaimRequest): ClaimedJob[] {
    if (!this.isAlive(want.worker)) return []
    const chosen: ModelJob[] = []
    const unfit: ModelJob[] = []
    const room = new Map(want.types.map((type) => [type.type, this.roomFor(type)]))
    for (const job of this.table.pending) {
      if (chosen.length >= want.limit) break
      const places = this.table.paused.has(job.type) ? 0 : (room.get(job.type) ?? 0)
      if (places <= 0 || job.runAt > this.serverNow()) continue
      if (job.damaged !== undefined || this.isExpired(job)) unfit.push(job)
      else {
        chosen.push(job)
        room.set(job.type, places - 1)
      }
    }
    for (const job of unfit) this.bury(job)
    return chosen.map((job) => this.start(job, want.worker))
  }

  /** Found at the claim: it can never run. */
  protected bury(job: ModelJob): void {
    if (job.damaged === undefined) this.expire(job)
    else this.finish(job, 'failed', { reason: 'undecodable', raw: job.damaged })
  }

  protected roomFor({ type, limit, maxActive }: ClaimRequest['types'][number]): number {
    const free = maxActive === undefined ? Number.POSITIVE_INFINITY : maxActive - this.active(type)
    return Math.min(limit ?? Number.POSITIVE_INFINITY, free)
  }

  protected active(type: string): number {
    return this.table.running().filter((job) => job.type === type).length
  }

  protected start(job: ModelJob, worker: string): ClaimedJob {
    const token = this.newToken(job, worker)
    this.table.tokens.set(token, worker)
    const now = this.serverNow()
    const counted = { attempt: this.attemptAtClaim(job), fence: this.nextFence(job) }
    this.table.change(job, { ...counted, state: 'running', worker, token, startedAt: now, claimedAt: now })
    return toClaimed(job, token)
  }

  protected newToken(job: ModelJob, _worker: string): string {
    return `${job.id}/${this.space.next()}`
  }

  protected attemptAtClaim(job: ModelJob): number {
    return job.attempt + 1
  }

  protected nextFence(job: ModelJob): number {
    return job.fence + 1
  }

  protected isExpired(job: ModelJob): boolean {
    return job.expiresAt !== null && job.expiresAt <= this.serverNow()
  }

  protected expire(job: ModelJob): void {
    this.finish(job, 'failed', { reason: 'expired' })
  }

  protected nextDueIn(want: ClaimRequest): number | null {
    const open = new Set(
      want.types
        .filter((type) => !this.table.paused.has(type.type) && this.roomFor({ ...type, limit: 1 }) > 0)
        .map((t) => t.type),
    )
    let soonest: number | null = null
    for (const job of this.table.pending) {
      if (!open.has(job.type)) continue
      const wait = Math.max(0, job.runAt - this.serverNow())
      if (wait === 0) return 0
      if (soonest === null || wait < soonest) soonest = wait
    }
    return soonest
  }

  /** Declared dead, or gone: whatever it still holds is nobody's. */
  protected isAlive(worker: string | undefined): boolean {
    const known = worker === undefined ? undefined : this.table.workers.get(worker)
    return known !== undefined && !known.dead
  }
}

function toClaimed(job: ModelJob, token: string): ClaimedJob {
  return {
    id: job.id,
    type: job.type,
    payload: copyValue(job.payload),
    attempt: job.attempt,
    failures: job.failures,
    crashes: job.crashes,
    fence: job.fence,
    token,
    priority: job.priority,
    dueAt: job.runAt,
    createdAt: job.createdAt,
    expiresAt: job.expiresAt,
    maxRetries: job.maxRetries,
    delivery: job.delivery,
    entityId: job.entityId,
    occurrence: copyValue(job.occurrence),
    options: copyValue(job.options),
  }
}
