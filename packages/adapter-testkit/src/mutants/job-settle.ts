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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
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
    fails: {},
  },
]
