/** Mistakes in how a job store treats workers, living and dead. */
import type { Held, WorkerReport } from '@sched/core/adapter'
import type { ModelJob, ModelWorker } from '../model/job-table.ts'
import type { Round } from '../model/job-upkeep.ts'
import { jobStore } from './job-parts.ts'
import type { Mutant } from './mutant.ts'

export const jobWorkerMutants: readonly Mutant[] = [
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
]
