/** Mistakes in how a job store inserts and claims. */
import type { ClaimedJob, ClaimRequest, NewJob, Outcome, Settled } from '@sched/core/adapter'
import type { ModelJob } from '../model/job-table.ts'
import { jobStore } from './job-parts.ts'
import type { Mutant } from './mutant.ts'

export const jobClaimMutants: readonly Mutant[] = [
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
    mistake: 'of jobs that are alike the first one’s payload is taken for all',
    parts: jobStore(
      (Base) =>
        class extends Base {
          readonly #payloads = new Map<object, unknown>()
          override insert(jobs: readonly NewJob[]): ReturnType<InstanceType<typeof Base>['insert']> {
            return super.insert(
              jobs.map((job) => (job.alike === undefined ? job : this.#first(job.alike, job))),
            )
          }
          #first(alike: object, job: NewJob): NewJob {
            if (!this.#payloads.has(alike)) this.#payloads.set(alike, job.payload)
            return { ...job, payload: this.#payloads.get(alike) }
          }
        },
    ),
    fails: {
      'job-store/insert-roundtrip': 'the records of three jobs that are alike and two that are not',
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
      const leaked = new WeakMap<object, Set<string>>()
      const keyOf = (job: ModelJob) => `${job.createdAt} ${job.id}`
      return class extends Base {
        protected override backToPending(job: ModelJob, change: Partial<ModelJob>): void {
          super.backToPending(job, change)
          leaked.set(this.table, (leaked.get(this.table) ?? new Set()).add(keyOf(job)))
        }
        protected override active(type: string): number {
          const jobs = [...this.table.jobs.values()].filter((job) => job.type === type)
          const kept = jobs.filter(
            (job) => job.state === 'pending' && leaked.get(this.table)?.has(keyOf(job)),
          )
          return super.active(type) + kept.length
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
    mistake: 'a job that is handed to an open claim can be claimed as well',
    parts: jobStore(
      (Base) =>
        class extends Base {
          #open: ClaimRequest | undefined

          override async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
            const answer = await super.settle(outcomes, want)
            if (want !== undefined) this.#open = want
            return answer
          }

          protected override put(job: NewJob): 'inserted' | 'exists' {
            const answer = super.put(job)
            const stored = this.table.jobs.get(job.id)
            const { handOver, worker = '' } = this.#open ?? {}
            this.#open = undefined
            if (handOver !== undefined && stored !== undefined)
              handOver({ ...this.start({ ...stored }, worker) })
            return answer
          }
        },
    ),
    fails: {
      'job-store/hand-over': 'the jobs that w could claim',
    },
  },
]
