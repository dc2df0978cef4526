import { randomInt } from 'node:crypto'
import {
  type ChangeAnswer,
  type ClaimRequest,
  checkChange,
  checkClaimRequest,
  checkedQuery,
  checkName,
  checkOutcomes,
  checkSweepLimits,
  checkWorkerReport,
  type HeartbeatReply,
  type Held,
  inChunks,
  type JobChange,
  type JobCounts,
  type JobPage,
  type JobQuery,
  type JobRecord,
  type JobStore,
  MAX_BATCH,
  type NewJob,
  type Outcome,
  type Settled,
  type SweepLimits,
  type SweepReport,
  type Traits,
  type WorkerRecord,
  type WorkerReport,
} from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { changeJobs } from './commands/job-change.ts'
import { type Claim, claimJobs } from './commands/job-claim.ts'
import { countJobs, pausedTypes } from './commands/job-counts.ts'
import { heartbeat } from './commands/job-heartbeat.ts'
import { insertJobs, insertJobsWithin } from './commands/job-insert.ts'
import { getJobs, listJobs } from './commands/job-list.ts'
import { pauseType } from './commands/job-pause.ts'
import { type SettleReport, settleJobs } from './commands/job-settle.ts'
import { sweepJobs } from './commands/job-sweep.ts'
import { listWorkers } from './commands/job-workers.ts'
import { checkBatch, type InsertAnswer, JobBatch } from './job-batch.ts'
import { JobBook } from './job-book.ts'
import { JobClock } from './job-clock.ts'
import { Heads } from './job-codec.ts'
import { JobListening } from './job-listening.ts'
import { JobNames } from './job-names.ts'
import { JobRetention } from './job-retention.ts'
import type { JobSpace } from './job-space.ts'
import { JobSpread } from './job-spread.ts'
import { SLOTS } from './job-tally.ts'
import { WorkerLeases } from './job-workers.ts'
import { durabilityOf, MongoAdapter } from './mongo-adapter.ts'
import { userSession } from './session.ts'

const NO_CLAIM: Claim = { jobs: [], nextDueInMs: null, unreadable: [] }

/** Jobs in MongoDB without a broker in between: one document a job, changed under conditions that the server checks by its own clock. */
export class MongoJobStore extends MongoAdapter implements JobStore {
  readonly takesPayloadText = true
  readonly #names: JobNames
  readonly #listening: JobListening
  readonly #stops = new Set<() => void>()
  /** Types that were claimed with a limit: a place that becomes free is worth a wake. */
  readonly #limited = new Set<number>()
  readonly #retention = new JobRetention()
  #opening: Promise<JobSpace> | undefined

  constructor(backend: Backend, scope: string) {
    super(backend, 'the MongoDB job store', false)
    this.#names = new JobNames(backend.connection, scope)
    this.#listening = new JobListening(backend.wakes)
    // what the first call needs is looked up beforehand, where nothing has to be connected for it
    if (backend.isReady) this.#space().catch(() => undefined)
  }

  get traits(): Partial<Traits> {
    return { clock: 'server', durability: durabilityOf(this.backend) }
  }

  override async ready(): Promise<void> {
    await super.ready()
    await this.#space()
  }

  async insert(
    jobs: readonly NewJob[],
    options?: { readonly transaction?: unknown },
  ): Promise<readonly InsertAnswer[]> {
    this.guard()
    checkBatch(jobs.length, 'jobs')
    const { maxValueBytes } = this.backend.settings
    const batch = new JobBatch(jobs, maxValueBytes)
    if (batch.jobs.length === 0) return batch.answers([])
    const space = await this.#space()
    const transaction = options?.transaction
    if (transaction === undefined) return batch.answers(await insertJobs(space, batch.jobs))
    const executor = this.backend.connection.within(userSession(transaction))
    const { inserted, types } = await insertJobsWithin(space, executor, batch.jobs)
    await this.backend.wakes.signalWithin(executor, Array.from(types, wakeKey))
    return batch.answers(inserted)
  }

  async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
    this.guard()
    checkBatch(outcomes.length, 'outcomes')
    checkOutcomes(outcomes)
    if (want !== undefined) checkClaimRequest(want)
    const space = await this.#space()
    const settling = this.#settle(space, outcomes)
    const claiming = this.#claim(space, want, settling)
    const [settled, claim] = await Promise.allSettled([settling, claiming])
    if (claim.status === 'rejected') throw settled.status === 'rejected' ? settled.reason : claim.reason
    if (settled.status === 'rejected') {
      this.#giveBack(space, claim.value)
      throw settled.reason
    }
    const { unreadable, ...claimed } = claim.value
    if (want !== undefined && want.limit > 0)
      this.#listening.claimed({
        jobs: claimed.jobs.length,
        full: claimed.jobs.length >= want.limit,
        more: claimed.nextDueInMs === 0,
      })
    if (unreadable.length > 0)
      await this.#settle(
        space,
        unreadable.map((one) => ({ ...one, kind: 'fail', reason: 'undecodable' })),
      )
    return { settled: settled.value.settled, ...claimed }
  }

  async heartbeat(worker: WorkerReport, held: readonly Held[]): Promise<HeartbeatReply> {
    this.guard()
    checkWorkerReport(worker)
    const space = await this.#space()
    space.clock.fresh().catch(() => undefined)
    const { types, ...reply } = await heartbeat(space, worker, held)
    for (const id of reply.lost) space.book.remove(id)
    space.wake(types)
    return reply
  }

  async sweep(limits: SweepLimits): Promise<SweepReport> {
    this.guard()
    checkSweepLimits(limits)
    const space = await this.#space()
    const { report, types } = await sweepJobs(space, limits)
    space.wake(types)
    return report
  }

  async get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]> {
    this.guard()
    for (const id of ids) checkName(id, 'id')
    const space = await this.#space()
    const found = new Map<string, JobRecord>()
    for (const chunk of inChunks([...new Set(ids)], MAX_BATCH))
      for (const [id, record] of await getJobs(space, chunk)) found.set(id, record)
    return ids.map((id) => found.get(id) ?? null)
  }

  async list(query: JobQuery): Promise<JobPage> {
    this.guard()
    const checked = checkedQuery(query)
    return await listJobs(await this.#space(), query, checked)
  }

  async counts(): Promise<JobCounts> {
    this.guard()
    return await countJobs(await this.#space())
  }

  async change(ids: readonly string[], change: JobChange): Promise<readonly ChangeAnswer[]> {
    this.guard()
    for (const id of ids) checkName(id, 'id')
    checkChange(change)
    const space = await this.#space()
    const all = new Map<string, ChangeAnswer>()
    for (const chunk of inChunks([...new Set(ids)], MAX_BATCH)) {
      const { answers, back, excess } = await changeJobs(space, chunk, change)
      for (const [id, answer] of answers) all.set(id, answer)
      space.wake(back)
      await this.#retention.trim(space, excess.values(), chunk.length)
    }
    return ids.map((id) => all.get(id) ?? 'missing')
  }

  async pause(type: string, paused: boolean): Promise<void> {
    this.guard()
    checkName(type, 'type')
    const space = await this.#space()
    const [number] = (await space.names.numbers([type])) as [number]
    await pauseType(space, number, paused)
    space.pauses.seen = await pausedTypes(space)
    if (!paused) space.wake([number])
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    this.guard()
    return await listWorkers(await this.#space())
  }

  async subscribe(types: readonly string[], onWake: (type: string) => void): Promise<() => Promise<void>> {
    this.guard()
    for (const type of types) checkName(type, 'type')
    const space = await this.#space()
    const distinctTypes = [...new Set(types)]
    const numbers = await space.names.numbers(distinctTypes)
    const names = new Map(numbers.map((number, i) => [wakeKey(number), distinctTypes[i] as string]))
    const stopWatching = await this.backend.wakes.watch(names.keys(), (key) => {
      const type = names.get(key)
      if (type === undefined) return
      this.#listening.woken()
      onWake(type)
    })
    const keys = [...names.keys()]
    this.#listening.watched(keys)
    const stop = (): void => {
      if (!this.#stops.delete(stop)) return
      this.#listening.unwatched(keys)
      stopWatching()
    }
    this.#stops.add(stop)
    if (this.closed) stop()
    return async () => stop()
  }

  override async close(): Promise<void> {
    for (const stop of [...this.#stops]) stop()
    await super.close()
  }

  async #settle(space: JobSpace, outcomes: readonly Outcome[]): Promise<SettleReport> {
    const report = await settleJobs(space, outcomes)
    space.wake(report.back)
    space.wake([...report.ended].filter((type) => this.#limited.has(type)))
    await this.#retention.trim(space, report.excess.values(), outcomes.length)
    return report
  }

  /** Beside the settling; after it where a place that it frees may be taken. */
  async #claim(space: JobSpace, want: ClaimRequest | undefined, settling: Promise<unknown>): Promise<Claim> {
    if (want === undefined) return NO_CLAIM
    const limited = want.types.filter(({ maxActive }) => maxActive !== undefined)
    if (limited.length > 0) {
      for (const number of await space.names.numbers(limited.map(({ type }) => type)))
        this.#limited.add(number)
      await settling
    }
    return await claimJobs(space, want, this.#listening.takeHint())
  }

  /** The caller will not hear of these: it has to repeat the call. A heartbeat would find them too, later. */
  #giveBack(space: JobSpace, { jobs, unreadable }: Claim): void {
    const outcomes = [...jobs, ...unreadable].map(
      ({ id, token }) => ({ id, token, kind: 'release' }) as const,
    )
    settleJobs(space, outcomes).catch(() => undefined)
  }

  #space(): Promise<JobSpace> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #open(): Promise<JobSpace> {
    const { backend } = this
    const { connection } = backend
    await backend.ready()
    const clock = new JobClock(connection)
    const [scope] = await Promise.all([this.#names.open(), clock.open()])
    clock.sharpen().catch(() => undefined)
    return {
      connection,
      names: this.#names,
      clock,
      heads: new Heads(),
      scope,
      book: new JobBook(),
      leases: new WorkerLeases(),
      slot: randomInt(SLOTS),
      pauses: { seen: new Set() },
      spread: new JobSpread(),
      wake: (types) => {
        const keys = Array.from(types, wakeKey)
        if (keys.length > 0) backend.wakes.signal(keys)
      },
      // what became of the write is for its caller to hear
      wakeBeside: (types, write) => {
        backend.wakes.signalBeside(Array.from(types, wakeKey), write).catch(() => undefined)
      },
    }
  }
}

/** The number of a type tells its scope too. */
function wakeKey(type: number): string {
  return `j:${type}`
}
