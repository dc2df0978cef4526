import { randomUUID } from 'node:crypto'
import { type ClaimedJob, type JobStore, MAX_BATCH, REMEMBER_MS } from '../contracts/job-store.ts'
import type { ScheduleRecord, ScheduleState, ScheduleStore } from '../contracts/schedule-store.ts'
import { ScheduleNotFoundError } from '../errors/sched-error.ts'
import { previewRuns } from '../schedules/preview.ts'
import { checkName, MAX_USER_NAME_BYTES } from '../values/codec.ts'
import { newVersion, occurrenceId, runNowId } from './occurrence.ts'
import { type Begun, type JobMaker, ScheduleChain, type ScheduleRunnerOptions } from './schedule-chain.ts'
import {
  changedSchedule,
  createdSchedule,
  defineSchedule,
  jobOptionsOf,
  nextAfter,
  type ScheduleOptions,
  switchedSchedule,
} from './schedule-definition.ts'
import { type ScheduleSweepReport, sweepSchedules } from './schedule-sweep.ts'

/** Everything the runtime does with schedules: keep them, fire them, mend them. See schedule-chain.ts for how they fire. */
export class ScheduleRunner {
  readonly #options: ScheduleRunnerOptions
  readonly #store: ScheduleStore
  readonly #jobs: Pick<JobStore, 'insert' | 'get' | 'change'>
  readonly #now: () => number
  readonly #makeJob: JobMaker
  readonly #chain: ScheduleChain

  constructor(options: ScheduleRunnerOptions) {
    this.#options = options
    this.#store = options.store
    this.#jobs = options.jobs
    this.#now = options.now
    this.#makeJob = options.makeJob
    this.#chain = new ScheduleChain(options)
  }

  /**
   * Creates the schedule, or makes it what is asked for; the same definition again changes nothing, so that any number of processes may
   * put theirs at start. Resolves to the record. Throws SCHEDULE_INVALID, INVALID_ARGUMENT (the name), VALUE_UNSERIALIZABLE.
   */
  async put(name: string, type: string, payload: unknown, options: ScheduleOptions): Promise<ScheduleRecord> {
    checkScheduleName(name)
    const definition = defineSchedule(name, type, payload, options)
    return this.#write(name, (stored) => {
      const moment = { now: this.#now(), staleAgeMs: this.#options.staleAgeMs, version: newVersion() }
      return stored === null
        ? createdSchedule(definition, moment)
        : changedSchedule(stored, definition, moment)
    })
  }

  /** Fires again from the first instant after now; nothing when it is active already. Throws SCHEDULE_NOT_FOUND. */
  enable(name: string): Promise<ScheduleRecord> {
    return this.#switch(name, 'active')
  }

  /** Fires no more; what runs goes on. Nothing when it is inactive already. Throws SCHEDULE_NOT_FOUND. */
  disable(name: string): Promise<ScheduleRecord> {
    return this.#switch(name, 'inactive')
  }

  /** Resolves to whether it was there. What runs goes on. */
  async remove(name: string): Promise<boolean> {
    checkScheduleName(name)
    const stored = await this.#store.get(name)
    await this.#store.delete(name)
    if (stored !== null) await this.#takeBack(stored)
    return stored !== null
  }

  async get(name: string): Promise<ScheduleRecord | null> {
    checkScheduleName(name)
    return this.#store.get(name)
  }

  async list(): Promise<readonly ScheduleRecord[]> {
    return (await this.#store.list()) ?? []
  }

  /** The latest due instant that ran, epoch milliseconds; null: none yet. */
  lastExecution(name: string): Promise<number | null> {
    return this.#store.lastExecution(name)
  }

  /** How many of its jobs, of one type or of all, wait as the next occurrence and are not due yet. */
  async toCome(type: string | undefined): Promise<number> {
    const now = this.#now()
    const ids = (await this.list())
      .filter((schedule) => type === undefined || schedule.type === type)
      .filter(({ next }) => next !== null && next > now)
      .map((schedule) => occurrenceId(schedule, schedule.next!))
    let count = 0
    for (let from = 0; from < ids.length; from += MAX_BATCH) {
      const jobs = await this.#jobs.get(ids.slice(from, from + MAX_BATCH))
      count += jobs.filter((job) => job?.state === 'pending' && job.attempt === 0 && job.runAt > now).length
    }
    return count
  }

  /**
   * The next `count` due instants, epoch milliseconds; of an inactive schedule those it would have if it were enabled now. `count`: at most
   * 1,000. Throws SCHEDULE_NOT_FOUND, INVALID_ARGUMENT.
   */
  async preview(name: string, count = 10): Promise<number[]> {
    const schedule = await this.#require(name)
    const next = schedule.state === 'active' ? schedule.next : nextAfter(schedule, this.#now())
    return next === null ? [] : previewRuns(schedule, schedule.anchor, next - 1, count)
  }

  /** Enqueues one run at once, also of an inactive schedule; `next` stays as it is. Resolves to the job's id. Throws SCHEDULE_NOT_FOUND. */
  async runNow(name: string): Promise<string> {
    const schedule = await this.#require(name)
    const id = runNowId(randomUUID(), name)
    const occurrence = { schedule: name, due: Math.round(this.#now()) }
    const job = this.#makeJob(schedule.type, schedule.payload, jobOptionsOf(schedule), {
      id,
      occurrence,
      rememberMs: REMEMBER_MS.made,
    })
    const [answer] = await this.#jobs.insert([job])
    if (answer instanceof Error) throw answer
    return id
  }

  /**
   * What a claimed job with an `occurrence` does before its handler is called; at every attempt. Moves the schedule on. Errors propagate:
   * the job must then be released, so that it comes again. After it, and before the handler, the runtime checks its lease.
   */
  begin(job: ClaimedJob): Promise<Begun> {
    return this.#chain.begin(job)
  }

  /**
   * Once the outcome of a job is stored: keeps the last execution, if `begin` let it run. `completed`: the job will not be delivered again,
   * as one may that failed for good and is redriven.
   * `job`: the object that `begin` got.
   */
  ended(job: ClaimedJob, completed: boolean): Promise<void> {
    return this.#chain.ended(job, completed)
  }

  /**
   * Mends what a crash left: an active schedule whose `next` has no open occurrence gets one, or moves past an occurrence that is over. Safe
   * to run twice at once; reads every schedule once.
   */
  async sweep(): Promise<ScheduleSweepReport> {
    const report = await sweepSchedules({
      store: this.#store,
      jobs: this.#jobs,
      logger: this.#options.logger,
      now: this.#now,
      jobOf: (schedule, due) => this.#chain.jobOf(schedule, due),
    })
    return { ...report, marks: await this.#chain.pruneMarks() }
  }

  async #switch(name: string, state: ScheduleState): Promise<ScheduleRecord> {
    checkScheduleName(name)
    return this.#write(name, (stored) => {
      if (stored === null) throw new ScheduleNotFoundError(name)
      return switchedSchedule(stored, state, { now: this.#now(), version: newVersion() })
    })
  }

  /** Writes what `change` makes of the record (undefined: it is right already), then inserts its next occurrence and takes back the old one. */
  async #write(
    name: string,
    change: (stored: ScheduleRecord | null) => ScheduleRecord | undefined,
  ): Promise<ScheduleRecord> {
    for (;;) {
      const stored = await this.#store.get(name)
      const changed = change(stored)
      if (changed === undefined) {
        // whoever wrote it may have died before its insert
        await this.#chain.insertNext(stored!)
        return stored!
      }
      if (!(await this.#store.compareAndSet(name, stored?.rev ?? null, changed))) continue
      await this.#chain.insertNext(changed)
      if (stored !== null && (changed.next !== stored.next || changed.version !== stored.version))
        await this.#takeBack(stored)
      return (await this.#store.get(name)) ?? changed
    }
  }

  /**
   * An occurrence that may no longer fire need not wait for its time to be skipped. One whose time has come may be under way, and is left
   * to those who run it.
   */
  async #takeBack(schedule: ScheduleRecord): Promise<void> {
    if (schedule.next === null || schedule.next <= this.#now()) return
    await this.#jobs.change([occurrenceId(schedule, schedule.next)], { kind: 'discard' })
  }

  async #require(name: string): Promise<ScheduleRecord> {
    checkScheduleName(name)
    const schedule = await this.#store.get(name)
    if (schedule === null) throw new ScheduleNotFoundError(name)
    return schedule
  }
}

function checkScheduleName(name: unknown): void {
  checkName(name, 'the name of the schedule', MAX_USER_NAME_BYTES)
}
