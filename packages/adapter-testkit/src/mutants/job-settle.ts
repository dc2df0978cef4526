/** Mistakes in how a job store inserts, claims and settles. */
import type { ClaimedJob, ClaimRequest, FinalState, NewJob, Outcome, Settled } from '@sched/core/adapter'
import { ModelJobStore } from '../model/job-store.ts'
import type { ModelJob } from '../model/job-table.ts'
import type { Mutant } from './mutant.ts'

export function jobStore(make: (base: typeof ModelJobStore) => typeof ModelJobStore): Mutant['parts'] {
  const Broken = make(ModelJobStore)
  return { jobStore: (node) => new Broken(node) }
}

export const jobSettleMutants: readonly Mutant[] = [
  {
    mistake: 'a claim hands out the stored row itself',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override start(job: ModelJob, worker: string): ClaimedJob {
            const { payload, options, occurrence } = job
            return { ...super.start(job, worker), payload, options, occurrence }
          }
        },
    ),
    fails: {
      'job-store/hands-out-copies': 'payload, options and occurrence of the record after round 1',
    },
  },
  {
    mistake: 'an insert overwrites the job of that id',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override put(job: NewJob): 'inserted' | 'exists' {
            const known = this.table.jobs.get(job.id)
            if (known?.state === 'pending') this.table.remove(known)
            return super.put(job)
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'insert of a',
      'job-store/insert-idempotent': 'insert of a, b and a again in one call',
      'job-store/unique-occurrence': 'how many of four inserts said `inserted`',
      'model/hybrid': 'insert of a',
    },
  },
  {
    mistake: 'one bad job rejects the whole insert',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override checkedJob(job: NewJob): NewJob | Error {
            const checked = super.checkedJob(job)
            if (checked instanceof Error) throw checked
            return checked
          }
        },
    ),
    fails: {
      'job-store/insert-bad-one-isolated':
        'an unexpected InvalidArgumentError INVALID_ARGUMENT: job.priority must be an integer from',
    },
  },
  {
    mistake: 'the id of a finished job is free again',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override put(job: NewJob): 'inserted' | 'exists' {
            const known = this.table.jobs.get(job.id)
            if (known !== undefined && known.finishedAt !== null) this.table.remove(known)
            return super.put(job)
          }
        },
    ),
    fails: {
      'job-store/repeat-after-finish': 'inserting kept, pruned, failed, discarded, default again',
      'job-store/undecodable-kept': 'inserting its id again',
      'job-store/unique-occurrence': 'insert of the occurrence after it ran',
      'model/hybrid': 'insert of b',
    },
  },
  {
    mistake: 'the id of a pruned job is free again',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override isKnown(id: string): boolean {
            return this.table.jobs.has(id)
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'insert of a',
      'job-store/repeat-after-finish': 'inserting kept, pruned, failed, discarded, default again',
    },
  },
  {
    mistake: 'ids are remembered for ever',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override forget(job: ModelJob): void {
            super.forget(job)
            this.table.remembered.set(job.id, Number.POSITIVE_INFINITY)
          }
        },
    ),
    fails: {
      'job-store/remember-ends': 'inserting the id again after its time',
    },
  },
  {
    mistake: 'delayMs is not looked at',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override put({ delayMs: _, ...job }: NewJob): 'inserted' | 'exists' {
            return super.put(job)
          }
        },
    ),
    fails: {
      'job-store/change-promote-reschedule': 'the jobs that w could claim',
      'job-store/change-retry': 'the jobs that w could claim',
      'job-store/claim-order': 'the ids of one claim, in order',
      'job-store/composed-equals-fused': 'what a claim of all gives',
      'job-store/insert-delayed': 'the jobs that w could claim',
      'job-store/next-due': 'nextDueInMs with a job due in',
      'model/hybrid': 'what a claim of all gives',
    },
  },
  {
    mistake: 'the payload is kept by reference',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override checkedJob(job: NewJob): NewJob | Error {
            const checked = super.checkedJob(job)
            return checked instanceof Error ? checked : { ...checked, payload: job.payload }
          }
        },
    ),
    fails: {
      'job-store/insert-roundtrip': 'the claimed job',
    },
  },
  {
    mistake: 'the lower priority goes first',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override claim(want: ClaimRequest): ClaimedJob[] {
            const due = [...this.table.pending].filter((job) => job.runAt <= this.serverNow())
            for (const job of due) this.table.change(job, { priority: -job.priority })
            const jobs = super.claim(want)
            for (const job of due) this.table.change(job, { priority: -job.priority })
            return jobs.map((job) => ({ ...job, priority: -job.priority }))
          }
        },
    ),
    fails: {
      'job-store/claim-order': 'the ids of one claim, in order',
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
      'job-store/pause-resume': 'the jobs that w could claim',
      'job-store/settle-retry-delay-holds': 'the jobs that w could claim',
    },
  },
  {
    mistake: 'the answer of a claim is in no order',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override claim(want: ClaimRequest): ClaimedJob[] {
            return super.claim(want).reverse()
          }
        },
    ),
    fails: {
      'job-store/claim-exact-slots': 'a claim of 3 of a type with 5 jobs',
      'job-store/claim-order': 'the ids of one claim, in order',
    },
  },
  {
    mistake: 'the limit holds for each type',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override claim(want: ClaimRequest): ClaimedJob[] {
            return want.types.flatMap((type) => super.claim({ ...want, types: [type] }))
          }
        },
    ),
    fails: {
      'job-store/claim-exact-slots': 'jobs of a claim of 2 over both types',
    },
  },
  {
    mistake: 'the limit of a type is not looked at',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override roomFor({ limit: _, ...type }: ClaimRequest['types'][number]): number {
            return super.roomFor(type)
          }
        },
    ),
    fails: {
      'job-store/claim-exact-slots': 'jobs of a claim with limit 1 of alpha and 2 of beta',
    },
  },
  {
    mistake: 'maxActive holds for each worker',
    parts: jobStore(
      (Base) =>
        class extends Base {
          #worker = ''
          protected override claim(want: ClaimRequest): ClaimedJob[] {
            this.#worker = want.worker
            return super.claim(want)
          }
          protected override active(type: string): number {
            return this.table.running().filter((job) => job.type === type && job.worker === this.#worker)
              .length
          }
        },
    ),
    fails: {
      'job-store/concurrency-cluster-wide': 'jobs that four claims at once got, with maxActive 2',
    },
  },
  {
    mistake: 'only a completed job gives its place under maxActive back',
    parts: jobStore((Base) => {
      const leaked = new Map<string, Set<string>>()
      return class extends Base {
        protected override backToPending(job: ModelJob, change: Partial<ModelJob>): void {
          super.backToPending(job, change)
          const key = `${job.createdAt} ${job.type}`
          leaked.set(key, (leaked.get(key) ?? new Set()).add(job.id))
        }
        protected override active(type: string): number {
          const jobs = [...this.table.jobs.values()].filter((job) => job.type === type)
          return (
            super.active(type) +
            jobs.filter(
              (job) => job.state === 'pending' && leaked.get(`${job.createdAt} ${type}`)?.has(job.id),
            ).length
          )
        }
      }
    }),
    fails: {
      'job-store/concurrency-place-comes-back': 'the jobs that w could claim',
    },
  },
  {
    mistake: 'a paused type is claimed all the same',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override claim(want: ClaimRequest): ClaimedJob[] {
            const paused = [...this.table.paused]
            this.table.paused.clear()
            const jobs = super.claim(want)
            for (const type of paused) this.table.paused.add(type)
            return jobs
          }
        },
    ),
    fails: {
      'job-store/composed-equals-fused': 'what a claim of all gives',
      'job-store/pause-resume': 'what w claims of a paused type',
      'model/hybrid': 'what a claim of all gives',
    },
  },
  {
    mistake: 'expired jobs are claimed until a sweep comes by',
    parts: jobStore(
      (Base) =>
        class extends Base {
          #claiming = false
          protected override claim(want: ClaimRequest): ClaimedJob[] {
            this.#claiming = true
            const jobs = super.claim(want)
            this.#claiming = false
            return jobs
          }
          protected override isExpired(job: ModelJob): boolean {
            return !this.#claiming && super.isExpired(job)
          }
        },
    ),
    fails: {
      'job-store/expire-at-claim': 'the jobs that w could claim',
    },
  },
  {
    mistake: 'the attempt is counted at the settle',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override attemptAtClaim(job: ModelJob): number {
            return job.attempt
          }
          protected override attemptGivenBack(job: ModelJob): number {
            return job.attempt
          }
          protected override start(job: ModelJob, worker: string): ClaimedJob {
            const claimed = super.start(job, worker)
            return { ...claimed, attempt: claimed.attempt + 1 }
          }
          protected override apply(job: ModelJob, outcome: Outcome): void {
            super.apply(job, outcome)
            if (outcome.kind !== 'release' && outcome.kind !== 'snooze')
              this.table.change(job, { attempt: job.attempt + 1 })
          }
        },
    ),
    fails: {
      'job-store/attempt-at-claim': 'attempt, crashes and failures after a crash',
      'job-store/composed-equals-fused': 'the records after claim',
      'job-store/counters-survive-prune': 'the records left',
      'job-store/crashes-apart-from-failures': 'attempt, failures and crashes of the third claim',
      'job-store/insert-roundtrip': 'the record',
      'job-store/leave-keeps-started-attempts':
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
      'job-store/prune-retention':
        'the jobs left of four completed (2 kept), two failed (1), one cancelled (0), and one of another type',
      'job-store/recover-expired': 'state, crashes, failures, worker and attempt of a and b',
      'job-store/remember-ends': 'inserting the id again after its time',
      'job-store/repeat-after-finish': 'which records are gone',
      'job-store/settle-stale-refused': 'state, worker, failures and attempt after the refused settles',
      'model/hybrid': 'the records after claim',
    },
  },
  {
    mistake: 'the fence is the attempt',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override nextFence(job: ModelJob): number {
            return job.attempt + 1
          }
        },
    ),
    fails: {
      'job-store/fence-grows': 'the fences of six claims of one job grow from 1 on',
    },
  },
  {
    mistake: 'nextDueInMs counts every type',
    parts: jobStore(
      (Base) =>
        class extends Base {
          protected override nextDueIn(want: ClaimRequest): number | null {
            const types = [...new Set([...this.table.pending].map((job) => job.type))]
            return super.nextDueIn({ ...want, types: types.map((type) => ({ type })) })
          }
        },
    ),
    fails: {
      'job-store/next-due': 'nextDueInMs with a job due in',
    },
  },
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
      'job-store/cancel-requested-ends-it': 'the states after retry, release, snooze and complete',
      'job-store/composed-equals-fused': 'the records after settle',
      'job-store/leave-keeps-started-attempts':
        'state, reason, attempt, crashes, failures and worker of those started and of the one that was not',
      'job-store/recover-cancelled': 'a after its worker died',
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
