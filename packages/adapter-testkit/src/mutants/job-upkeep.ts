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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
  },
]
