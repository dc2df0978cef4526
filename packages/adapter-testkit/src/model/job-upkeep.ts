/** What workers, sweeps and people do to jobs, one rule of the contract a method. */
import {
  DEFAULT_RETENTION,
  type FinalState,
  type Held,
  type JobChange,
  MAX_BATCH,
  OPERATION_DEADLINE_MS,
  type SweepLimits,
  type SweepReport,
  type WorkerReport,
} from '@sched/core/adapter'
import { JobRules } from './job-rules.ts'
import type { ModelJob, ModelWorker } from './job-table.ts'

/** A sweep under way: its report so far, and how many more jobs it may touch. */
export type Round = { -readonly [K in keyof SweepReport]: SweepReport[K] } & { dead: string[]; left: number }

export abstract class JobUpkeep extends JobRules {
  // Workers

  protected renew(report: WorkerReport): boolean {
    const known = this.table.workers.get(report.id)
    if (known === undefined && report.phase !== 'join') return false
    if (known?.dead) return false
    const until = this.serverNow() + report.leaseMs
    this.table.workers.set(report.id, {
      id: report.id,
      until,
      dead: false,
      info: report.info ?? known?.info ?? {},
    })
    return true
  }

  protected holds(worker: string, held: Held): boolean {
    const job = this.table.jobs.get(held.id)
    return job?.state === 'running' && job.worker === worker && job.token === held.token
  }

  /** What the worker does not know it holds was claimed by a call whose answer got lost: given back once it is old enough. */
  protected releaseUnknown(report: WorkerReport, held: readonly Held[]): void {
    const tokens = new Set(held.map((mine) => mine.token))
    const graceMs = report.phase === 'leave' ? 0 : (report.claimGraceMs ?? OPERATION_DEADLINE_MS)
    for (const job of this.table.running()) {
      const known = job.token !== null && tokens.has(job.token)
      if (job.worker === report.id && !known && this.isOldClaim(job, graceMs)) this.release(job)
    }
  }

  /** Started and not settled by a worker that leaves: it may have run. */
  protected abandon(report: WorkerReport, held: readonly Held[]): void {
    for (const mine of held) {
      const job = this.table.jobs.get(mine.id)
      if (job === undefined || !this.holds(report.id, mine)) continue
      if (job.delivery === 'at-most-once') this.finish(job, 'failed', { reason: 'crashed' })
      else this.backToPending(job, {})
    }
  }

  protected isOldClaim(job: ModelJob, graceMs: number): boolean {
    return job.claimedAt + graceMs <= this.serverNow()
  }

  // Sweeping

  protected round(limits: SweepLimits): Round {
    const limit = limits.limit ?? MAX_BATCH
    const round: Round = {
      more: false,
      dead: [],
      recovered: 0,
      crashed: 0,
      expired: 0,
      pruned: 0,
      left: limit,
    }
    this.declareDead(round, limits.graceMs ?? 0)
    this.visit(
      round,
      this.table.running(),
      (job) => this.isOrphan(job),
      (job) => this.takeBack(job, round),
    )
    this.visit(
      round,
      [...this.table.pending],
      (job) => this.isExpired(job),
      (job) => {
        this.expire(job)
        round.expired++
      },
    )
    this.prune(round)
    return round
  }

  protected declareDead(round: Round, graceMs: number): void {
    for (const worker of this.table.workers.values()) {
      if (worker.dead || !this.isOverdue(worker, graceMs)) continue
      worker.dead = true
      round.dead.push(worker.id)
    }
  }

  protected isOverdue(worker: ModelWorker, graceMs: number): boolean {
    return worker.until + graceMs <= this.serverNow()
  }

  protected isOrphan(job: ModelJob): boolean {
    return !this.isAlive(job.worker ?? undefined)
  }

  protected takeBack(job: ModelJob, round: Round): void {
    const crashes = this.crashesAfter(job)
    if (this.endsByCrash(job, crashes)) {
      this.finish(job, 'failed', { crashes, reason: 'crashed' })
      round.crashed++
    } else {
      this.backToPending(job, { crashes })
      round.recovered++
    }
  }

  protected crashesAfter(job: ModelJob): number {
    return job.crashes + 1
  }

  protected endsByCrash(job: ModelJob, crashes: number): boolean {
    return job.delivery === 'at-most-once' || crashes >= job.maxCrashes
  }

  /** Age retention, and remembered ids whose time is over. */
  protected prune(round: Round): void {
    const finished = [...this.table.jobs.values()].filter((job) => job.finishedAt !== null)
    this.visit(
      round,
      finished,
      (job) => this.isPastAge(job),
      (job) => {
        this.forget(job)
        round.pruned++
      },
    )
    for (const [id, until] of this.table.remembered) {
      if (until > this.serverNow() || round.left <= 0) continue
      this.table.remembered.delete(id)
      round.left--
      round.pruned++
    }
  }

  protected isPastAge(job: ModelJob): boolean {
    const state = job.state as FinalState
    const ageMs = (job.retention?.[state] ?? DEFAULT_RETENTION[state]).ageMs
    return ageMs !== undefined && (job.finishedAt ?? 0) + ageMs <= this.serverNow()
  }

  protected visit(
    round: Round,
    jobs: readonly ModelJob[],
    when: (job: ModelJob) => boolean,
    touch: (job: ModelJob) => void,
  ): void {
    for (const job of jobs) {
      if (!when(job)) continue
      if (round.left <= 0) {
        round.more = true
        return
      }
      round.left--
      touch(job)
    }
  }

  // Changing

  protected changeOne(job: ModelJob, change: JobChange): boolean {
    switch (change.kind) {
      case 'cancel':
        return this.cancel(job, change.reason)
      case 'retry':
        if (job.state !== 'failed' && job.state !== 'cancelled') return false
        this.revive(job)
        return true
      case 'promote':
      case 'reschedule':
        if (job.state !== 'pending') return false
        this.table.change(job, { runAt: this.newRunAt(change) })
        this.table.wake(job.type)
        return true
      default:
        if (job.state === 'running') return false
        this.forget(job)
        return true
    }
  }

  protected cancel(job: ModelJob, reason: string | undefined): boolean {
    if (job.state === 'running') {
      this.table.change(job, { cancelRequested: true, reason: reason ?? job.reason })
      return true
    }
    if (job.state !== 'pending') return false
    this.finish(job, 'cancelled', { reason: reason ?? null })
    return true
  }

  /** An expiry that has passed is dropped: whoever retries the job wants it to run. */
  protected revive(job: ModelJob): void {
    this.table.change(job, {
      state: 'pending',
      runAt: this.serverNow(),
      failures: 0,
      crashes: 0,
      finishedAt: null,
      error: null,
      reason: null,
      cancelRequested: false,
      expiresAt: this.isExpired(job) ? null : job.expiresAt,
    })
    this.table.wake(job.type)
  }

  protected newRunAt(change: JobChange & { kind: 'promote' | 'reschedule' }): number {
    const now = this.serverNow()
    if (change.kind === 'promote') return now
    return Math.max(now, change.runAt ?? now + (change.delayMs ?? 0))
  }
}
