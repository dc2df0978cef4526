/** Mistakes in how a job store sweeps, and in what people ask of it. */
import type { ChangeAnswer, JobChange, JobCounts, JobPage, JobQuery } from '@sched/core/adapter'
import type { ModelJob } from '../model/job-table.ts'
import type { Round } from '../model/job-upkeep.ts'
import { jobStore } from './job-parts.ts'
import type { Mutant } from './mutant.ts'

export const jobUpkeepMutants: readonly Mutant[] = [
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
    mistake: 'a second request to cancel, without a reason, forgets that of the first',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override cancel(job: ModelJob, reason: string | undefined): boolean {
            if (job.state === 'running') this.table.change(job, { reason: null })
            return super.cancel(job, reason)
          }
        },
    ),
    fails: {
      'job-store/cancel-reason': 'state and reason after cancel without a reason, release and retry',
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
      'job-store/cancel-reason': 'the answers to a second request, without a reason',
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
