import {
  type ChangeAnswer,
  type ClaimRequest,
  checkChange,
  checkName,
  type HeartbeatReply,
  type Held,
  type JobChange,
  type JobCounts,
  type JobPage,
  type JobQuery,
  type JobRecord,
  type JobStore,
  type NewJob,
  type Outcome,
  type Settled,
  type SweepLimits,
  type SweepReport,
  type Traits,
  UnsupportedError,
  type WorkerRecord,
  type WorkerReport,
} from '@sched/core/adapter'
import { checkDuration, checkLease, checkPositive } from '../arguments.ts'
import { NodePart } from '../node-part.ts'
import { changeJobs } from './change.ts'
import { checkClaimRequest, claimJobs } from './claim.ts'
import { beat } from './heartbeat.ts'
import { insertJobs } from './insert.ts'
import type { JobScope } from './job-scope.ts'
import { countJobs, listJobs, listWorkers } from './query.ts'
import { checkOutcomes, settleJobs } from './settle.ts'
import { sweepJobs } from './sweep.ts'
import { jobRecord } from './views.ts'

/** One node's view of a scope's jobs. Nodes that share a server share the jobs; each is closed by itself. */
export class MemoryJobStore extends NodePart implements JobStore {
  readonly traits: Partial<Traits>
  readonly #scope: JobScope

  constructor(scope: JobScope, traits: Partial<Traits>) {
    super('the memory job store')
    this.#scope = scope
    this.traits = traits
  }

  async insert(
    jobs: readonly NewJob[],
    options: { readonly transaction?: unknown } = {},
  ): Promise<readonly ('inserted' | 'exists' | Error)[]> {
    const scope = this.#open()
    if (options.transaction !== undefined) {
      throw new UnsupportedError('the memory adapter has no transactions to insert in: leave `tx` out')
    }
    return insertJobs(scope, jobs)
  }

  async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
    const scope = this.#open()
    if (want !== undefined) checkClaimRequest(want)
    const checked = checkOutcomes(scope, outcomes)
    const now = scope.now()
    const settled = settleJobs(scope, checked, now)
    if (want === undefined) return { settled, jobs: [], nextDueInMs: null }
    const { jobs, nextDueInMs } = claimJobs(scope, want, now)
    return { settled, jobs, nextDueInMs }
  }

  async heartbeat(worker: WorkerReport, held: readonly Held[]): Promise<HeartbeatReply> {
    const scope = this.#open()
    checkName(worker.id, 'worker.id')
    checkLease(worker.leaseMs, 'worker.leaseMs')
    if (worker.claimGraceMs !== undefined) checkDuration(worker.claimGraceMs, 'worker.claimGraceMs')
    return beat(scope, worker, held)
  }

  async sweep(limits: SweepLimits): Promise<SweepReport> {
    const scope = this.#open()
    if (limits.limit !== undefined) checkPositive(limits.limit, 'limit')
    if (limits.graceMs !== undefined) checkDuration(limits.graceMs, 'graceMs')
    return sweepJobs(scope, limits)
  }

  async get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]> {
    const scope = this.#open()
    return ids.map((id) => {
      const slot = scope.ids.slotOf(id)
      return slot < 0 ? null : jobRecord(scope.table, slot)
    })
  }

  async list(query: JobQuery): Promise<JobPage> {
    return listJobs(this.#open(), query)
  }

  async counts(): Promise<JobCounts> {
    return countJobs(this.#open())
  }

  async change(ids: readonly string[], change: JobChange): Promise<readonly ChangeAnswer[]> {
    const scope = this.#open()
    checkChange(change)
    return changeJobs(scope, ids, change)
  }

  async pause(type: string, paused: boolean): Promise<void> {
    const scope = this.#open()
    checkName(type, 'type')
    scope.pause(type, paused)
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    return listWorkers(this.#open())
  }

  async subscribe(types: readonly string[], onWake: (type: string) => void): Promise<() => Promise<void>> {
    const scope = this.#open()
    for (const type of types) checkName(type, 'type')
    const stop = this.endsWith(scope.listen(types, onWake))
    return async () => stop()
  }

  #open(): JobScope {
    this.assertOpen()
    return this.#scope
  }
}
