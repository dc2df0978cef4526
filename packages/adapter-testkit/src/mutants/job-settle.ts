/** Mistakes in how a job store settles. */
import type { ClaimRequest, FinalState, Outcome, Settled } from '@sched/core/adapter'
import type { ModelJob } from '../model/job-table.ts'
import { jobStore } from './job-parts.ts'
import type { Mutant } from './mutant.ts'

export const jobSettleMutants: readonly Mutant[] = [
  {
    mistake: 'the fence is removed: whoever names the id settles it',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override accepts(): boolean {
            return true
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'the answer to complete of b under a token settled before',
      'job-store/dead-worker-refused': 'its completion while another worker runs the job',
      'job-store/remember-ends': 'the first job’s token while the new one runs',
      'job-store/settle-and-claim': 'the answers to completing b, and a under a wrong token',
      'job-store/settle-stale-refused': 'the answer to complete under the token of an earlier claim',
    },
  },
  {
    mistake: 'the token is that of the worker',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override newToken(_job: ModelJob, worker: string): string {
            return `token of ${worker}`
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'the answer to complete of b under a token settled before',
      'job-store/fence-grows': 'the tokens of six claims of one job',
      'job-store/heartbeat-releases-unknown':
        'state, attempt, crashes and failures of the unknown claim once it is old enough',
      'job-store/heartbeat-reports-lost': 'lost',
      'job-store/leave-keeps-started-attempts':
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
      'job-store/remember-ends': 'the first job’s token while the new one runs',
      'job-store/settle-stale-refused': 'the answer under the same worker’s earlier token',
    },
  },
  {
    mistake: 'a repeated settle is stale',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override answerToUnheld(): 'stale' {
            return 'stale'
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'the answer to fail of b under a token settled before',
      'job-store/remember-ends': 'a repeat of the first job’s settle',
      'job-store/settle-repeat-not-stale': 'the answer to complete of a by its worker',
      'model/hybrid': 'the answer to complete of a under a token settled before',
    },
  },
  {
    mistake: 'a repeated settle is counted again',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override answerToUnheld(job: ModelJob | undefined, token: string): 'ok' | 'stale' {
            const answer = super.answerToUnheld(job, token)
            if (answer === 'ok' && job?.state === 'completed') this.table.countersOf(job.type).completed++
            return answer
          }
        },
    ),
    fails: {
      'job-store/settle-repeat-not-stale': 'completed, failed and durationMs counted',
      'model/hybrid': 'the counts after again',
    },
  },
  {
    mistake: 'settling the same id twice in one call lets the last one win',
    parts: jobStore(
      (Base) =>
        class extends Base {
          override async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
            const last = new Map(outcomes.map((outcome) => [outcome.id, outcome]))
            return await super.settle([...last.values()], want)
          }
        },
    ),
    fails: {
      'job-store/settle-duplicate-ids-rejected': 'a settle with two outcomes for a',
    },
  },
  {
    mistake: 'claims before it settles',
    parts: jobStore(
      (Base) =>
        class extends Base {
          override async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
            const claimed = await super.settle([], want)
            return { ...claimed, settled: (await super.settle(outcomes)).settled }
          }
        },
    ),
    fails: {
      'job-store/settle-frees-its-place': 'the job claimed by the call that freed the place',
    },
  },
  {
    mistake: 'answers to outcomes come in the order of their ids',
    parts: jobStore(
      (Base) =>
        class extends Base {
          override async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
            return await super.settle(
              [...outcomes].sort((a, b) => (a.id < b.id ? -1 : 1)),
              want,
            )
          }
        },
    ),
    fails: {
      'job-store/settle-and-claim': 'the answers to completing b, and a under a wrong token',
    },
  },
  {
    mistake: 'maxRetries counts the first run as well',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override retry(job: ModelJob, outcome: Outcome & { kind: 'retry' }): void {
            job.maxRetries--
            super.retry(job, outcome)
          }
        },
    ),
    fails: {
      'job-store/change-retry': 'the jobs that w-dies claims',
      'job-store/composed-equals-fused': 'the records after settle',
      'job-store/crashes-apart-from-failures': 'state, failures and crashes after one of each',
      'job-store/hands-out-copies': 'the jobs that w could claim',
      'job-store/settle-retry': 'state, failures and worker while it waits',
    },
  },
  {
    mistake: 'a retry is due at once',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override retry(job: ModelJob, outcome: Outcome & { kind: 'retry' }): void {
            super.retry(job, { ...outcome, delayMs: 0 })
          }
        },
    ),
    fails: {
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
      'job-store/settle-retry': 'runAt is',
      'job-store/settle-retry-delay-holds': 'the jobs that w could claim',
    },
  },
  {
    mistake: 'a failure for good is retried while retries are left',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override fail(job: ModelJob, outcome: Outcome & { kind: 'fail' }): void {
            if (job.failures < job.maxRetries) this.retry(job, { ...outcome, kind: 'retry', delayMs: 0 })
            else super.fail(job, outcome)
          }
        },
    ),
    fails: {
      'job-store/settle-fail': 'state, reason, error, failures and worker',
      'job-store/stats': 'the counts of mail',
    },
  },
  {
    mistake: 'release does not give the attempt back',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override release(job: ModelJob): void {
            this.backToPending(job, {})
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'the records after settle',
      'job-store/heartbeat-leave': 'state, attempt and crashes of what it held',
      'job-store/heartbeat-releases-unknown':
        'state, attempt, crashes and failures of the unknown claim once it is old enough',
      'job-store/leave-keeps-started-attempts':
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
      'job-store/release-gives-attempt-back': 'state, attempt, failures, crashes and worker after release 1',
      'job-store/settle-stale-refused': 'state, worker, failures and attempt after the refused settles',
      'model/hybrid': 'the records after settle',
    },
  },
  {
    mistake: 'snooze counts the attempt',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override snooze(job: ModelJob, delayMs: number): void {
            this.backToPending(job, { runAt: this.serverNow() + delayMs })
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'the records after settle',
      'job-store/snooze': 'state, attempt, failures and error',
      'model/hybrid': 'the records after settle',
    },
  },
  {
    mistake: 'a cancel request is forgotten when the job goes back to pending',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override backToPending(job: ModelJob, change: Partial<ModelJob>): void {
            super.backToPending(job, change)
            if (job.state !== 'cancelled') return
            this.table.countersOf(job.type).cancelled--
            this.table.change(job, { state: 'pending', finishedAt: null })
          }
        },
    ),
    fails: {
      'job-store/cancel-reason': 'state and reason after cancel without a reason, release and retry',
      'job-store/cancel-requested-ends-it': 'the states after retry, release, snooze and complete',
      'job-store/composed-equals-fused': 'the records after settle',
      'job-store/leave-keeps-started-attempts':
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
      'job-store/recover-cancelled': 'a after its worker died',
    },
  },
  {
    mistake: 'a cancel without a reason forgets that of the request',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override cancelled(job: ModelJob, { reason }: Outcome & { kind: 'cancel' }): void {
            this.finish(job, 'cancelled', { reason: reason ?? null })
          }
        },
    ),
    fails: {
      'job-store/cancel-reason': 'state and reason after cancel without a reason, release and retry',
    },
  },
  {
    mistake: 'count retention is off by one',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override countToKeep(job: ModelJob, state: FinalState): number | undefined {
            const count = super.countToKeep(job, state)
            return count === undefined || count === 0 ? count : count - 1
          }
        },
    ),
    fails: {
      'job-store/counters-survive-prune': 'the records left',
      'job-store/prune-retention':
        'the jobs left of four completed (2 kept), two failed (1), one cancelled (0), and one of another type',
    },
  },
  {
    mistake: 'count retention keeps the oldest',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override keepCount(job: ModelJob, state: FinalState): void {
            const count = this.countToKeep(job, state) ?? Number.POSITIVE_INFINITY
            const kept = [...this.table.jobs.values()].filter(
              (one) => one.type === job.type && one.state === state,
            )
            if (kept.length > count) this.forget(job)
          }
        },
    ),
    fails: {
      'job-store/counters-survive-prune': 'the records left',
      'job-store/prune-retention':
        'the jobs left of four completed (2 kept), two failed (1), one cancelled (0), and one of another type',
    },
  },
  {
    mistake: 'count retention counts all types together',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override keepCount(job: ModelJob, state: FinalState): void {
            const count = this.countToKeep(job, state)
            if (count === undefined) return
            const kept = [...this.table.jobs.values()].filter((one) => one.state === state)
            kept.sort((a, b) => (b.finishedAt ?? 0) - (a.finishedAt ?? 0) || b.seq - a.seq)
            for (const old of kept.slice(count)) this.forget(old)
          }
        },
    ),
    fails: {
      'job-store/prune-retention':
        'the jobs left of four completed (2 kept), two failed (1), one cancelled (0), and one of another type',
      'job-store/repeat-after-finish': 'which records are gone',
    },
  },
  {
    mistake: 'counters are lowered by pruning',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override forget(job: ModelJob): void {
            super.forget(job)
            if (job.finishedAt !== null) this.table.countersOf(job.type)[job.state as FinalState]--
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'the counts after change',
      'job-store/counters-survive-prune': 'completed, failed, cancelled, durationMs, pending and running',
    },
  },
]
