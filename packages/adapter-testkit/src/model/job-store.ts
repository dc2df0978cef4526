/**
 * The job store of the model: one table, every call one step. It is a fused store, so it claims by (priority, due) over all the
 * types. Each protected method below is one rule of the contract.
 */
import {
  type ChangeAnswer,
  type ClaimRequest,
  checkName,
  copyValue,
  type HeartbeatReply,
  type Held,
  InvalidArgumentError,
  type JobChange,
  type JobCounts,
  type JobPage,
  type JobQuery,
  type JobRecord,
  type JobStore,
  MAX_BATCH,
  type NewJob,
  type Outcome,
  PRIORITY_MAX,
  PRIORITY_MIN,
  type Settled,
  type SweepLimits,
  type SweepReport,
  type TypeCounts,
  type WorkerRecord,
  type WorkerReport,
} from '@sched/core/adapter'
import type { ModelJob } from './job-table.ts'
import { JobUpkeep } from './job-upkeep.ts'
import { watchTypes } from './wakes.ts'

export class ModelJobStore extends JobUpkeep implements JobStore {
  protected readonly what: string = 'the model job store'
  readonly #stops = new Set<() => void>()

  async insert(jobs: readonly NewJob[]): Promise<readonly ('inserted' | 'exists' | Error)[]> {
    this.checkBatch(jobs.length, 'jobs')
    const checked = jobs.map((job) => this.checkedJob(job))
    return await this.step(() => checked.map((job) => (job instanceof Error ? job : this.put(job))))
  }

  async settle(outcomes: readonly Outcome[], want?: ClaimRequest): Promise<Settled> {
    this.checkBatch(outcomes.length, 'outcomes')
    if (new Set(outcomes.map((outcome) => outcome.id)).size < outcomes.length) {
      throw new InvalidArgumentError('outcomes: an id comes twice; settle a job once a call')
    }
    if (want !== undefined) this.checkWant(want)
    return await this.step(() => {
      const settled = outcomes.map((outcome) => this.settleOne(outcome))
      const jobs = want === undefined ? [] : this.claim(want)
      return { settled, jobs, nextDueInMs: want === undefined ? null : this.nextDueIn(want) }
    })
  }

  async heartbeat(report: WorkerReport, held: readonly Held[]): Promise<HeartbeatReply> {
    checkName(report.id, 'worker id')
    return await this.step(() => {
      const alive = this.renew(report)
      const lost = held.filter((mine) => !this.holds(report.id, mine)).map((mine) => mine.id)
      const cancelRequested = held
        .filter((mine) => this.holds(report.id, mine) && this.table.jobs.get(mine.id)?.cancelRequested)
        .map((mine) => mine.id)
      if (alive) this.releaseUnknown(report, held)
      if (report.phase === 'leave') {
        if (alive) this.abandon(report, held)
        this.table.workers.delete(report.id)
      }
      return { alive, lost, cancelRequested }
    })
  }

  async sweep(limits: SweepLimits): Promise<SweepReport> {
    return await this.step(() => {
      const { left: _, ...report } = this.round(limits)
      return report
    })
  }

  async get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]> {
    return await this.step(() =>
      ids.map((id) => {
        const job = this.table.jobs.get(id)
        return job === undefined ? null : toRecord(job)
      }),
    )
  }

  async list(query: JobQuery): Promise<JobPage> {
    const limit = query.limit ?? 100
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_BATCH) {
      throw new InvalidArgumentError(`limit must be an integer from 1 to ${MAX_BATCH}, not ${limit}`)
    }
    return await this.step(() => {
      const after = query.after === undefined ? 0 : Number(query.after)
      const found = [...this.table.jobs.values()]
        .filter((job) => job.seq > after && this.matches(job, query))
        .sort((a, b) => a.seq - b.seq)
      const page = found.slice(0, limit)
      return { jobs: page.map(toRecord), after: found.length > limit ? String(page.at(-1)?.seq) : null }
    })
  }

  async counts(): Promise<JobCounts> {
    return await this.step(() => {
      const jobs = [...this.table.jobs.values()]
      const types = new Set([
        ...jobs.map((job) => job.type),
        ...this.table.counters.keys(),
        ...this.table.paused,
      ])
      return { types: Object.fromEntries([...types].map((type) => [type, this.countType(type, jobs)])) }
    })
  }

  async change(ids: readonly string[], change: JobChange): Promise<readonly ChangeAnswer[]> {
    if (change.kind === 'reschedule' && (change.runAt === undefined) === (change.delayMs === undefined)) {
      throw new InvalidArgumentError('reschedule takes either runAt or delayMs')
    }
    return await this.step(() =>
      ids.map((id) => {
        const job = this.table.jobs.get(id)
        return job === undefined ? 'missing' : this.changeOne(job, change) ? 'ok' : 'refused'
      }),
    )
  }

  async pause(type: string, paused: boolean): Promise<void> {
    checkName(type, 'type')
    await this.step(() => {
      if (paused) {
        this.table.paused.add(type)
        // from now on it is counted, also when it is resumed before its first job
        this.table.countersOf(type)
      } else this.table.paused.delete(type)
      this.table.wake(type)
    })
  }

  async workers(): Promise<readonly WorkerRecord[]> {
    return await this.step(() =>
      [...this.table.workers.values()].map((worker) => ({
        ...worker,
        running: this.table.running().filter((job) => job.worker === worker.id).length,
      })),
    )
  }

  async subscribe(types: readonly string[], onWake: (type: string) => void): Promise<() => Promise<void>> {
    const stopWatching = await this.step(() => watchTypes(this.table, this.space.clock, types, onWake))
    const stop = (): void => {
      stopWatching()
      this.#stops.delete(stop)
    }
    this.#stops.add(stop)
    return async () => stop()
  }

  override async close(): Promise<void> {
    await super.close()
    for (const stop of [...this.#stops]) stop()
  }

  protected matches(job: ModelJob, query: JobQuery): boolean {
    const states = query.state === undefined ? undefined : [query.state].flat()
    return (
      (query.type === undefined || job.type === query.type) &&
      (states === undefined || states.includes(job.state)) &&
      (query.entityId === undefined || job.entityId === query.entityId) &&
      (query.schedule === undefined || job.occurrence?.schedule === query.schedule)
    )
  }

  protected countType(type: string, jobs: readonly ModelJob[]): TypeCounts {
    const inState = (state: string): number =>
      jobs.filter((job) => job.type === type && job.state === state).length
    return {
      ...this.table.countersOf(type),
      pending: inState('pending'),
      running: inState('running'),
      paused: this.table.paused.has(type),
    }
  }

  protected checkedJob(job: NewJob): NewJob | Error {
    try {
      checkName(job.id, 'job.id')
      checkName(job.type, 'job.type')
      if (!Number.isInteger(job.priority) || job.priority < PRIORITY_MIN || job.priority > PRIORITY_MAX) {
        throw new InvalidArgumentError(
          `job.priority must be an integer from ${PRIORITY_MIN} to ${PRIORITY_MAX}, not ${job.priority}`,
        )
      }
      if (job.delayMs !== undefined && job.runAt !== undefined) {
        throw new InvalidArgumentError('job takes either delayMs or runAt, not both')
      }
      if (job.delayMs !== undefined && !(job.delayMs >= 0)) {
        throw new InvalidArgumentError(`job.delayMs must be 0 or more milliseconds, not ${job.delayMs}`)
      }
      return copyValue(job, { root: 'job' })
    } catch (error) {
      return error as Error
    }
  }

  protected checkWant(want: ClaimRequest): void {
    if (Number.isInteger(want.limit) && want.limit >= 0) return
    throw new InvalidArgumentError(`want.limit must be a non-negative integer, not ${want.limit}`)
  }

  protected checkBatch(length: number, what: string): void {
    if (length > MAX_BATCH)
      throw new InvalidArgumentError(`${what} takes at most ${MAX_BATCH} at a time, not ${length}`)
  }
}

function toRecord(job: ModelJob): JobRecord {
  const {
    seq: _seq,
    rememberMs: _rememberMs,
    retention: _retention,
    token: _token,
    claimedAt: _claimedAt,
    damaged: _damaged,
    ...record
  } = job
  return copyValue(record)
}
