import type { JobRecord } from '../../contracts/job-record.ts'
import type {
  ChangeAnswer,
  ClaimedJob,
  ClaimRequest,
  HeartbeatReply,
  Held,
  JobChange,
  JobCounts,
  JobPage,
  JobQuery,
  JobStore,
  NewJob,
  Outcome,
  Settled,
  SweepLimits,
  SweepReport,
  WorkerRecord,
  WorkerReport,
} from '../../contracts/job-store.ts'
import type { Traits } from '../../contracts/lifecycle.ts'
import { ClosedError } from '../../errors/sched-error.ts'
import { checkName } from '../../values/codec.ts'
import {
  checkChange,
  checkClaimRequest,
  checkedQuery,
  checkOutcomes,
  checkSweepLimits,
  checkWorkerReport,
} from '../job-arguments.ts'
import { changeJobs } from './change.ts'
import { newToken } from './claim-token.ts'
import { type ClaimAnswer, Claimer, NOTHING } from './claimer.ts'
import { beat } from './heartbeat.ts'
import { insertJobs } from './insert.ts'
import { JOB_FIELDS, JOBS } from './job-row.ts'
import { type ComposedOptions, type ComposedParts, composedParts } from './parts.ts'
import { countJobs, getJobs, listJobs, listWorkers } from './query.ts'
import { Reconciler } from './reconciler.ts'
import { isEnd, settleJobs } from './settle.ts'
import { quietly } from './take-back.ts'

/** How long to wait before the next claim when one failed beside a settle that did not. */
const CLAIM_BACKOFF_MS = 1_000

/**
 * The job store over any storage and any broker, also where they live in different systems. No transaction spans both, so the storage
 * is the truth and the broker an index that can be made anew from it: losing the broker costs time and strict order, never a job.
 *
 * Every write is a compare-and-set on the job's `rev`. Over a storage without it the store runs at-least-once, and a stale finish may
 * overwrite. From claim to acknowledged a batch of up to 100 jobs of a type costs five round trips: claim, read, write; write,
 * acknowledge; over a storage that patches four, as nothing is read.
 */
export class ComposedJobStore implements JobStore {
  readonly traits: Partial<Traits>
  /** While one call waits for a server, another has something for it to do. */
  readonly settlesAtOnce: number = 2
  readonly #options: ComposedOptions
  readonly #parts: ComposedParts
  readonly #claimer: Claimer
  readonly #reconciler: Reconciler
  readonly #stops: Set<() => Promise<void>> = new Set()
  #closed = false

  constructor(options: ComposedOptions) {
    this.#options = options
    this.#parts = composedParts(options)
    this.#claimer = new Claimer(this.#parts)
    this.#reconciler = new Reconciler(this.#parts)
    this.traits = options.storage.traits ?? {}
  }

  /** Makes storage, broker and lock ready, names the fields to index, and measures the server's clock. */
  async ready(): Promise<void> {
    const parts = this.#open()
    const { storage, broker, lock } = this.#options
    await Promise.all([storage.ready?.(), broker.ready?.(), lock.ready?.()])
    await Promise.all([storage.index?.(JOBS, JOB_FIELDS), parts.measure()])
    await this.#reconciler.begin()
  }

  async ping(): Promise<void> {
    this.#open()
    await Promise.all([this.#options.storage.ping?.(), this.#options.broker.ping?.()])
  }

  /** Ends timers and subscriptions and waits for what is under way. The adapters stay open: they are their owner's. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#stops].map((stop) => stop()))
    await this.#parts.dispatcher.close()
    await this.#parts.tallies.close()
  }

  async insert(
    jobs: readonly NewJob[],
    options: { readonly transaction?: unknown } = {},
  ): Promise<readonly ('inserted' | 'exists' | Error)[]> {
    return insertJobs(this.#open(), jobs, options.transaction)
  }

  async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
    const parts = this.#open()
    checkOutcomes(outcomes)
    if (want) checkClaimRequest(want)
    if (!want) return { settled: await settleJobs(parts, outcomes), ...NOTHING }
    const token = newToken(want.worker)
    return parts.book.handingOut(token, () => this.#settleAndClaim(parts, outcomes, want, token))
  }

  async heartbeat(worker: WorkerReport, held: readonly Held[]): Promise<HeartbeatReply> {
    const parts = this.#open()
    checkWorkerReport(worker)
    return parts.book.watching(async (underWay) => {
      await parts.measure()
      return beat(parts, worker, held, underWay)
    })
  }

  async sweep(limits: SweepLimits): Promise<SweepReport> {
    const parts = this.#open()
    checkSweepLimits(limits)
    await parts.measure()
    return this.#reconciler.sweep(limits)
  }

  async tend(): Promise<boolean> {
    this.#open()
    return this.#reconciler.tend()
  }

  async get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]> {
    return getJobs(this.#open(), ids)
  }

  async list(query: JobQuery): Promise<JobPage> {
    const parts = this.#open()
    return listJobs(parts, query, checkedQuery(query))
  }

  async counts(): Promise<JobCounts> {
    return countJobs(this.#open())
  }

  async change(ids: readonly string[], change: JobChange): Promise<readonly ChangeAnswer[]> {
    const parts = this.#open()
    checkChange(change)
    return changeJobs(parts, ids, change)
  }

  async pause(type: string, paused: boolean): Promise<void> {
    const parts = this.#open()
    checkName(type, 'type')
    await parts.types.setPaused(type, paused)
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    return listWorkers(this.#open())
  }

  async subscribe(types: readonly string[], onWake: (type: string) => void): Promise<() => Promise<void>> {
    const parts = this.#open()
    for (const type of types) checkName(type, 'type')
    const stopListening = await parts.queues.subscribe(types, (type) => {
      parts.quiet.woken(type)
      onWake(type)
    })
    const unwatch = stopListening && parts.quiet.watch(types)
    const stop = async (): Promise<void> => {
      if (!this.#stops.delete(stop)) return
      unwatch?.()
      await stopListening?.()
    }
    this.#stops.add(stop)
    return stop
  }

  async #settleAndClaim(
    parts: ComposedParts,
    outcomes: readonly Outcome[],
    want: ClaimRequest,
    token: string,
  ): Promise<Settled> {
    if (outcomes.length === 0) return { settled: [], ...(await this.#claimer.claim(want, token)) }
    if (!isIndependent(outcomes, want))
      return { settled: await settleJobs(parts, outcomes), ...(await this.#claimBeside(want, token)) }
    const [settling, claiming] = await Promise.allSettled([
      settleJobs(parts, outcomes),
      this.#claimBeside(want, token),
    ])
    if (claiming.status === 'rejected') throw claiming.reason
    if (settling.status === 'fulfilled') return { settled: settling.value, ...claiming.value }
    await this.#release(claiming.value.jobs)
    throw settling.reason
  }

  /** A claim that fails does not hide what became of the outcomes: the next one tells. */
  async #claimBeside(want: ClaimRequest, token: string): Promise<ClaimAnswer> {
    try {
      return await this.#claimer.claim(want, token)
    } catch (error) {
      this.#parts.logger.warn('claiming failed; it is tried again', { error })
      return { jobs: [], nextDueInMs: CLAIM_BACKOFF_MS }
    }
  }

  /** Jobs that the caller will not hear of go back; where that fails, a heartbeat releases them. */
  async #release(jobs: readonly ClaimedJob[]): Promise<void> {
    await quietly(
      this.#parts,
      'jobs claimed beside a failed settle stay claimed until a heartbeat',
      async () => {
        await settleJobs(
          this.#parts,
          jobs.map(({ id, token }) => ({ id, token, kind: 'release' })),
        )
      },
    )
  }

  #open(): ComposedParts {
    if (this.#closed) throw new ClosedError('the composed job store')
    return this.#parts
  }
}

/** True when no outcome can matter to the claim, so that both may go on at once: nothing comes back, and no limit is waiting. */
function isIndependent(outcomes: readonly Outcome[], { types }: ClaimRequest): boolean {
  return outcomes.every(isEnd) && types.every(({ maxActive }) => maxActive === undefined)
}
