/** Mistakes in how a job store treats workers, sweeps, and what people ask of it. */
import type {
  ChangeAnswer,
  Held,
  JobChange,
  JobCounts,
  JobPage,
  JobQuery,
  WorkerReport,
} from '@sched/core/adapter'
import type { ModelJob, ModelWorker } from '../model/job-table.ts'
import type { Round } from '../model/job-upkeep.ts'
import { jobStore } from './job-settle.ts'
import type { Mutant } from './mutant.ts'

export const jobUpkeepMutants: readonly Mutant[] = [
  {
    mistake: 'acks before the finish',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override isOrphan(): boolean {
            return false
          }
        },
    ),
    fails: {
      'job-store/at-most-once-crash': 'the jobs of w1, whose lease ended',
      'job-store/attempt-at-claim': 'the jobs of w1, whose lease ended',
      'job-store/change-retry': 'the jobs of w-dies, whose lease ended',
      'job-store/composed-equals-fused': 'the records after crash',
      'job-store/concurrency-place-comes-back': 'the jobs of w-dies, whose lease ended',
      'job-store/crashes-apart-from-failures': 'the jobs of w1, whose lease ended',
      'job-store/dead-worker-refused': 'the jobs of w1, whose lease ended',
      'job-store/fence-grows': 'the jobs of w-dies, whose lease ended',
      'job-store/recover-cancelled': 'a after its worker died',
      'job-store/recover-crash-limit': 'the jobs of w1, whose lease ended',
      'job-store/recover-expired': 'the jobs of dies, whose lease ended',
      'job-store/sweep-twice-at-once': 'state and crashes of each job after three sweeps at once',
    },
  },
  {
    mistake: 'a dead worker’s token is accepted after its job was taken back',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override answerToUnheld(job: ModelJob | undefined): 'ok' | 'stale' {
            return job?.state === 'running' ? 'stale' : 'ok'
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'the answer to complete of b under a token settled before',
      'job-store/dead-worker-refused': 'a dead worker’s completion of a job taken back',
      'job-store/leave-keeps-started-attempts': 'a late completion of again',
    },
  },
  {
    mistake: 'a heartbeat revives a worker that was declared dead',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override renew(report: WorkerReport): boolean {
            const known = this.table.workers.get(report.id)
            if (known !== undefined) known.dead = false
            return super.renew(report)
          }
        },
    ),
    fails: {
      'job-store/dead-worker-refused': 'alive and lost in its heartbeat',
    },
  },
  {
    mistake: 'a heartbeat creates the worker it does not find',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override renew(report: WorkerReport): boolean {
            return super.renew({ ...report, phase: 'join' })
          }
        },
    ),
    fails: {
      'job-store/heartbeat-leave': 'alive in its next heartbeat',
      'job-store/unknown-worker': 'alive of a worker that never joined',
    },
  },
  {
    mistake: 'a worker whose lease ended is refused though nobody declared it dead',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override renew(report: WorkerReport): boolean {
            const known = this.table.workers.get(report.id)
            return known !== undefined && known.until <= this.serverNow() ? false : super.renew(report)
          }
        },
    ),
    fails: {
      'job-store/recover-grace': 'alive and lost in a heartbeat after the lease ended',
    },
  },
  {
    mistake: 'the heartbeat does not renew the lease',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override renew(report: WorkerReport): boolean {
            const until = this.table.workers.get(report.id)?.until
            const alive = super.renew(report)
            const worker = this.table.workers.get(report.id)
            if (worker !== undefined && until !== undefined) worker.until = until
            return alive
          }
        },
    ),
    fails: {
      'job-store/heartbeat-all': 'dead and recovered in the sweep after heartbeat 3',
      'job-store/recover-grace': 'dead in a sweep after that heartbeat',
    },
  },
  {
    mistake: 'lost compares ids without their tokens',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override holds(worker: string, held: Held): boolean {
            const job = this.table.jobs.get(held.id)
            return job?.state === 'running' && job.worker === worker
          }
        },
    ),
    fails: {
      'job-store/heartbeat-reports-lost': 'lost',
    },
  },
  {
    mistake: 'what a worker does not know it holds is never released',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override releaseUnknown(report: WorkerReport, held: readonly Held[]): void {
            if (report.phase === 'leave') super.releaseUnknown(report, held)
          }
        },
    ),
    fails: {
      'job-store/heartbeat-releases-unknown':
        'state, attempt, crashes and failures of the unknown claim once it is old enough',
    },
  },
  {
    mistake: 'claims whose answer is under way are released',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override isOldClaim(): boolean {
            return true
          }
        },
    ),
    fails: {
      'job-store/heartbeat-releases-unknown': 'alive, and the state of a young unknown claim',
    },
  },
  {
    mistake: 'a worker that leaves keeps its jobs until the sweep',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override releaseUnknown(report: WorkerReport, held: readonly Held[]): void {
            if (report.phase !== 'leave') super.releaseUnknown(report, held)
          }
        },
    ),
    fails: {
      'job-store/heartbeat-leave': 'state, attempt and crashes of what it held',
      'job-store/leave-keeps-started-attempts':
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
    },
  },
  {
    mistake: 'a worker that leaves gives back what it had started, too',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override releaseUnknown(report: WorkerReport, held: readonly Held[]): void {
            super.releaseUnknown(report, report.phase === 'leave' ? [] : held)
          }
        },
    ),
    fails: {
      'job-store/leave-keeps-started-attempts':
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
    },
  },
  {
    mistake: 'the info of a worker is lost at its second heartbeat',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override renew(report: WorkerReport): boolean {
            const { info: _, ...rest } = report
            return super.renew(report.phase === 'join' ? report : { ...rest, info: {} })
          }
        },
    ),
    fails: {
      'job-store/workers-listed': 'the info of w1',
    },
  },
  {
    mistake: 'the grace of a sweep is not looked at',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override isOverdue(worker: ModelWorker): boolean {
            return super.isOverdue(worker, 0)
          }
        },
    ),
    fails: {
      'job-store/recover-grace': 'dead and recovered in a sweep with a long grace',
    },
  },
  {
    mistake: 'crashes are not counted',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override crashesAfter(job: ModelJob): number {
            return job.crashes
          }
        },
    ),
    fails: {
      'job-store/at-most-once-crash': 'crashes',
      'job-store/attempt-at-claim': 'attempt, crashes and failures after a crash',
      'job-store/composed-equals-fused': 'the records after crash',
      'job-store/crashes-apart-from-failures': 'state, failures and crashes after one of each',
      'job-store/dead-worker-refused': 'state, failures and crashes of its jobs',
      'job-store/recover-crash-limit': 'state, crashes and failures after the first death',
      'job-store/recover-expired': 'state, crashes, failures, worker and attempt of a and b',
      'job-store/sweep-twice-at-once': 'state and crashes of each job after three sweeps at once',
    },
  },
  {
    mistake: 'a crash counts as a failure',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override takeBack(job: ModelJob, round: Round): void {
            super.takeBack(job, round)
            this.table.change(job, { failures: job.failures + 1 })
          }
        },
    ),
    fails: {
      'job-store/attempt-at-claim': 'attempt, crashes and failures after a crash',
      'job-store/composed-equals-fused': 'the records after crash',
      'job-store/crashes-apart-from-failures': 'state, failures and crashes after one of each',
      'job-store/dead-worker-refused': 'state, failures and crashes of its jobs',
      'job-store/recover-crash-limit': 'state, crashes and failures after the first death',
      'job-store/recover-expired': 'state, crashes, failures, worker and attempt of a and b',
    },
  },
  {
    mistake: 'maxCrashes is off by one',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override endsByCrash(job: ModelJob, crashes: number): boolean {
            return super.endsByCrash(job, crashes - 1)
          }
        },
    ),
    fails: {
      'job-store/recover-crash-limit': 'a after the second death, with maxCrashes 2',
    },
  },
  {
    mistake: 'at-most-once runs again after a crash',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override endsByCrash(job: ModelJob, crashes: number): boolean {
            return crashes >= job.maxCrashes
          }
        },
    ),
    fails: {
      'job-store/at-most-once-crash': 'pay after its worker died',
    },
  },
  {
    mistake: 'only due jobs expire',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override isExpired(job: ModelJob): boolean {
            return job.runAt <= this.serverNow() && super.isExpired(job)
          }
        },
    ),
    fails: {
      'job-store/expire-pending': 'delayed after a sweep',
    },
  },
  {
    mistake: 'running jobs expire',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override declareDead(round: Round, graceMs: number): void {
            super.declareDead(round, graceMs)
            for (const job of this.table.running()) if (this.isExpired(job)) this.expire(job)
          }
        },
    ),
    fails: {
      'job-store/expiry-spares-running': 'the state after a sweep past expiresAt',
    },
  },
  {
    mistake: 'the limit of a sweep is not looked at',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override round(): Round {
            return super.round({ graceMs: 0 })
          }
        },
    ),
    fails: {
      'job-store/recover-grace': 'dead and recovered in a sweep with a long grace',
      'job-store/sweep-bounded': 'jobs touched by a sweep with limit 3',
    },
  },
  {
    mistake: 'a bounded sweep forgets to say that there is more',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override round(limits: { limit?: number; graceMs?: number }): Round {
            return { ...super.round(limits), more: false }
          }
        },
    ),
    fails: {
      'job-store/sweep-bounded': 'more, while four are left',
    },
  },
  {
    mistake: 'age retention goes by createdAt',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override isPastAge(job: ModelJob): boolean {
            return super.isPastAge({ ...job, finishedAt: job.createdAt })
          }
        },
    ),
    fails: {
      'job-store/prune-age-holds': 'the state of a job that was inserted long ago and has just finished',
    },
  },
  {
    mistake: 'age retention of all states is that of the completed',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override isPastAge(job: ModelJob): boolean {
            return super.isPastAge({ ...job, state: 'completed' })
          }
        },
    ),
    fails: {
      'job-store/counters-survive-prune': 'the records left',
      'job-store/prune-age': 'the jobs left',
    },
  },
  {
    mistake: 'cancelling a running job ends its record at once',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override cancel(job: ModelJob, reason: string | undefined): boolean {
            if (job.state !== 'running') return super.cancel(job, reason)
            this.finish(job, 'cancelled', { reason: reason ?? null })
            return true
          }
        },
    ),
    fails: {
      'job-store/cancel-requested-ends-it': 'the states after retry, release, snooze and complete',
      'job-store/change-cancel':
        'the pending one’s state, reason and whether it is unfinished; the running one’s state and cancelRequested',
      'job-store/composed-equals-fused': 'the records after change',
      'job-store/heartbeat-reports-cancel': 'state and cancelRequested of the record',
      'job-store/leave-keeps-started-attempts': 'alive, lost and cancelRequested in the answer',
    },
  },
  {
    mistake: 'a retry by hand keeps the failures',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override revive(job: ModelJob): void {
            const { failures } = job
            super.revive(job)
            this.table.change(job, { failures })
          }
        },
    ),
    fails: {
      'job-store/change-retry': 'state, failures, crashes and finishedAt of worn',
      'job-store/composed-equals-fused': 'the records after change',
    },
  },
  {
    mistake: 'a completed job can be retried by hand',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override changeOne(job: ModelJob, change: JobChange): boolean {
            if (change.kind !== 'retry' || job.state !== 'completed') return super.changeOne(job, change)
            this.revive(job)
            return true
          }
        },
    ),
    fails: {
      'job-store/change-retry': 'retry of pending, running, completed, failed, cancelled, nobody',
    },
  },
  {
    mistake: 'a running job can be discarded',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override changeOne(job: ModelJob, change: JobChange): boolean {
            if (change.kind !== 'discard') return super.changeOne(job, change)
            this.forget(job)
            return true
          }
        },
    ),
    fails: {
      'job-store/change-discard':
        'discard of pending, running, completed, failed, cancelled, nobody and ready',
    },
  },
  {
    mistake: 'a reschedule only brings forward',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override changeOne(job: ModelJob, change: JobChange): boolean {
            const { runAt } = job
            const changed = super.changeOne(job, change)
            if (changed && change.kind === 'reschedule')
              this.table.change(job, { runAt: Math.min(runAt, job.runAt) })
            return changed
          }
        },
    ),
    fails: {
      'job-store/change-promote-reschedule': 'runAt of put-off-at',
    },
  },
  {
    mistake: 'unknown ids are refused instead of missing',
    parts: jobStore(
      (Base) =>
        class extends Base {
          override async change(ids: readonly string[], change: JobChange): Promise<readonly ChangeAnswer[]> {
            return (await super.change(ids, change)).map((answer) =>
              answer === 'missing' ? 'refused' : answer,
            )
          }
        },
    ),
    fails: {
      'job-store/change-cancel': 'cancel of pending, running, completed, failed, cancelled, nobody',
      'job-store/change-discard':
        'discard of pending, running, completed, failed, cancelled, nobody and ready',
      'job-store/change-promote-reschedule': 'promote of running, completed, failed, cancelled, nobody',
      'job-store/change-retry': 'retry of pending, running, completed, failed, cancelled, nobody',
      'model/hybrid': 'cancel of a',
    },
  },
  {
    mistake: 'list pages by offset',
    parts: jobStore(
      (Base) =>
        class extends Base {
          override async list({ after, ...query }: JobQuery): Promise<JobPage> {
            const limit = query.limit ?? 100
            const offset = Number(after ?? 0)
            const all = (await super.list({ ...query, limit: 1_000 })).jobs
            const next = offset + limit
            return { jobs: all.slice(offset, next), after: next < all.length ? String(next) : null }
          }
        },
    ),
    fails: {
      'job-store/list-filters': 'those of the walk that were there all along',
    },
  },
  {
    mistake: 'list looks at the first state only',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override matches(job: ModelJob, query: JobQuery): boolean {
            const [state] = query.state === undefined ? [] : [query.state].flat()
            return super.matches(job, state === undefined ? query : { ...query, state })
          }
        },
    ),
    fails: {
      'job-store/list-filters': 'list of two states',
    },
  },
  {
    mistake: 'the counts are those of the records',
    parts: jobStore(
      (Base) =>
        class extends Base {
          override async counts(): Promise<JobCounts> {
            const { types } = await super.counts()
            const jobs = [...this.table.jobs.values()]
            const counted = Object.entries(types).map(([type, counts]) => {
              const of = (state: string): number =>
                jobs.filter((job) => job.type === type && job.state === state).length
              return [
                type,
                { ...counts, completed: of('completed'), failed: of('failed'), cancelled: of('cancelled') },
              ]
            })
            return { types: Object.fromEntries(counted) }
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'the counts after change',
      'job-store/counters-survive-prune': 'completed, failed, cancelled, durationMs, pending and running',
    },
  },
]
