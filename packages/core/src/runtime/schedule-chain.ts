/**
 * Schedules at work. A schedule's record holds `next`, the one due instant that may fire, and its occurrence is a delayed job; whichever
 * worker claims that job moves the schedule on. No leader is needed to be on time. The order of the steps is what makes it safe:
 *
 *   1. gate      `next` is this due, and this job is its occurrence: else, unless this very job started it before, it is skipped
 *   2. start     an insert-if-absent mark says which job starts (schedule, due); its redelivery after a crash goes on from here
 *   3. advance   `next` moves by compare-and-set: from now on nothing else can fire this instant
 *   4. insert    the successor, under an id made from the version, the due instant and the name: repeats are harmless
 *   5. run       with the schedule's payload of this moment
 *
 * Start before advance, else a crash in between loses the instant; advance before insert, else the successor may be claimed before it
 * is its turn. An error at any step propagates: the job is released, delivered again, and goes on from where it was.
 *
 * What is not fenced: the mark does not check the job's lease. A worker whose lease ended while it stood still between gate and start can
 * mark an occurrence that was meanwhile given away; the runtime must check its lease after `begin`, before it calls the handler.
 */
import type { JobOptions, Occurrence } from '../contracts/job-record.ts'
import {
  type ClaimedJob,
  type JobStore,
  type NewJob,
  OPERATION_DEADLINE_MS,
  REMEMBER_MS,
} from '../contracts/job-store.ts'
import type { ScheduleRecord, ScheduleStore } from '../contracts/schedule-store.ts'
import type { IStorageEngine } from '../contracts/storage-engine.ts'
import { SchedError } from '../errors/sched-error.ts'
import { Coalescer, CoalescingRecords } from '../store/coalescing.ts'
import { compareAndSetOf } from '../store/schedule-fencing.ts'
import type { Logger } from '../telemetry/logger.ts'
import { isMarkOf, isOpen, isRunNow, markId, occurrenceId, STARTED, type StartMark } from './occurrence.ts'
import { advancedSchedule, jobOptionsOf } from './schedule-definition.ts'

/** Marks are kept this long at most; one is deleted when its job completed. Milliseconds. */
const MARK_KEEP_MS = 7 * 86_400_000

/** So long after a change of a schedule every earlier form of it is out of the way: a few deadlines of a call. Milliseconds. */
const SETTLED_MS = 6 * OPERATION_DEADLINE_MS

export interface JobIdentity {
  readonly id: string
  /** Epoch milliseconds; a time to live in the job's options counts from here. Left out: due now. */
  readonly runAt?: number
  readonly occurrence: Occurrence
  readonly rememberMs: number
}

/**
 * Makes the job of an occurrence. It must not need the job's definition: whoever moves a schedule on may not have it, so everything that
 * matters is in `jobOptions`, which are the ones the schedule was put with.
 */
export type JobMaker = (
  type: string,
  payload: unknown,
  jobOptions: JobOptions,
  identity: JobIdentity,
) => NewJob

export interface ScheduleRunnerOptions {
  readonly store: ScheduleStore
  /** For the marks of started occurrences. */
  readonly storage: IStorageEngine
  readonly jobs: Pick<JobStore, 'insert' | 'get' | 'change'>
  /** The storage server's clock, epoch milliseconds. */
  readonly now: () => number
  readonly logger: Logger
  /** An occurrence that is older when it would start is skipped, milliseconds. */
  readonly staleAgeMs: number
  readonly makeJob: JobMaker
}

/**
 * Why an occurrence is skipped: its schedule is `disabled` or `removed`, was `changed` so that this instant or this form no longer fires, it is
 * `stale` (older than `staleAgeMs`), or another job is the one that fires this instant (`taken`).
 */
export type SkipReason = 'disabled' | 'removed' | 'changed' | 'stale' | 'taken'

export type Begun =
  | { readonly run: true; readonly payload: unknown }
  | { readonly run: false; readonly reason: SkipReason }

type InsertAnswer = Awaited<ReturnType<JobStore['insert']>>[number]

/** One schedule's occurrences, each leading to the next. */
export class ScheduleChain {
  readonly #store: ScheduleStore
  readonly #storage: IStorageEngine
  readonly #jobs: Pick<JobStore, 'insert' | 'get' | 'change'>
  readonly #now: () => number
  readonly #logger: Logger
  readonly #staleAgeMs: number
  readonly #makeJob: JobMaker
  readonly #marks: CoalescingRecords<StartMark>
  readonly #inserts: Coalescer<NewJob, InsertAnswer>
  /** The claimed jobs that run. */
  readonly #running = new WeakSet<ClaimedJob>()
  /** Those that are the only ones of their instants. */
  readonly #sole = new WeakSet<ClaimedJob>()

  constructor(options: ScheduleRunnerOptions) {
    this.#store = options.store
    this.#storage = options.storage
    this.#jobs = options.jobs
    this.#now = options.now
    this.#logger = options.logger
    this.#staleAgeMs = options.staleAgeMs
    this.#makeJob = options.makeJob
    this.#marks = new CoalescingRecords(options.storage, STARTED, compareAndSetOf(options.storage))
    this.#inserts = new Coalescer(
      (jobs) => options.jobs.insert(jobs),
      (job) => job.id,
    )
  }

  /**
   * What a claimed job with an `occurrence` does before its handler is called; at every attempt. Moves the schedule on. Errors propagate: the
   * job must then be released, so that it comes again.
   */
  async begin(job: ClaimedJob): Promise<Begun> {
    const occurrence = job.occurrence
    if (occurrence === null || isRunNow(job.id)) return { run: true, payload: job.payload }
    const { schedule: name, due } = occurrence
    const stored = await this.#store.get(name)
    const refusal = this.#gate(stored, job, due)
    if (refusal !== undefined) {
      if (await this.#startedBefore(job, name, due)) return this.#proceed(job, stored, due)
      if (refusal === 'stale') await this.#pass(stored, due, this.#now())
      return { run: false, reason: refusal }
    }
    if (await this.#start(job, name, due)) return this.#proceed(job, stored, due)
    await this.#pass(stored, due, due)
    return { run: false, reason: 'taken' }
  }

  /**
   * Once the outcome of a job is stored: keeps the last execution, if `begin` let it run. `completed`: the job will not be delivered again,
   * so that its mark can go, unless another form of the schedule may have a job for the same instant.
   */
  async ended(job: ClaimedJob, completed: boolean): Promise<void> {
    if (job.occurrence === null || !this.#running.has(job)) return
    const { schedule, due } = job.occurrence
    await Promise.all([
      this.#store.setLastExecution(schedule, due),
      completed && this.#sole.has(job) ? this.#marks.delete(markId(schedule, due)) : undefined,
    ])
  }

  /** Inserts the occurrence of `next`, if there is one; repeats are harmless. */
  async insertNext(schedule: ScheduleRecord): Promise<void> {
    if (schedule.state !== 'active' || schedule.next === null) return
    const answer = await this.#inserts.add(this.jobOf(schedule, schedule.next))
    if (answer instanceof SchedError && answer.code === 'UNAVAILABLE') throw answer
    // this job alone is refused (its payload is too large, …): repeating will not help, and must not keep the present occurrence
    if (answer instanceof Error)
      this.#logger.error(`schedule "${schedule.name}": its next occurrence cannot be enqueued`, {
        schedule: schedule.name,
        due: schedule.next,
        error: answer,
      })
  }

  /** The job that fires `schedule` at `due`. */
  jobOf(schedule: ScheduleRecord, due: number): NewJob {
    return this.#makeJob(schedule.type, schedule.payload, jobOptionsOf(schedule), {
      id: occurrenceId(schedule, due),
      runAt: due,
      occurrence: { schedule: schedule.name, due },
      rememberMs: REMEMBER_MS.chosen,
    })
  }

  /** Deletes marks that only jobs of a past week left. Resolves to their number. */
  pruneMarks(): Promise<number> {
    return this.#storage.prune(STARTED, Math.floor(this.#now()) - MARK_KEEP_MS)
  }

  #gate(stored: ScheduleRecord | null, job: ClaimedJob, due: number): SkipReason | undefined {
    if (stored === null) return 'removed'
    if (stored.state !== 'active') return 'disabled'
    if (stored.next !== due || occurrenceId(stored, due) !== job.id) return 'changed'
    if (this.#now() - due > this.#staleAgeMs) return 'stale'
    return undefined
  }

  async #startedBefore(job: ClaimedJob, name: string, due: number): Promise<boolean> {
    const mark = await this.#marks.get(markId(name, due))
    if (mark !== null) return isMarkOf(mark, job)
    // a retry so late that its mark was pruned: then it ran before if it was claimed before
    return this.#now() - due > MARK_KEEP_MS && job.attempt + job.failures + job.crashes > 1
  }

  /** True when this job is the one that starts (schedule, due). */
  async #start(job: ClaimedJob, name: string, due: number): Promise<boolean> {
    const id = markId(name, due)
    const now = this.#now()
    const mark = { job: job.id, jobCreatedAt: job.createdAt, createdAt: Math.floor(now) }
    const value = { ...mark, rev: Math.floor(now * 1000) }
    if (await this.#marks.compareAndSet({ id, expectedRev: null, value })) return true
    for (;;) {
      const first = await this.#marks.get(id)
      if (first === null) return false
      if (isMarkOf(first, job)) return true
      if (first.job !== job.id && isOpen((await this.#jobs.get([first.job]))[0])) return false
      // The job that marked it is over. Whoever runs has moved `next` before: if it stands even now, that job never ran.
      if ((await this.#store.get(name))?.next !== due) return false
      const taken = { ...mark, rev: first.rev + 1 }
      if (await this.#marks.compareAndSet({ id, expectedRev: first.rev, value: taken })) return true
    }
  }

  /** The started occurrence goes on: advance, insert, run. */
  async #proceed(job: ClaimedJob, read: ScheduleRecord | null, due: number): Promise<Begun> {
    const schedule = await this.#advance(read, due, due, job)
    if (schedule !== null) await this.insertNext(schedule)
    this.#running.add(job)
    // a schedule that now makes other jobs has no payload for this one
    return { run: true, payload: schedule?.type === job.type ? schedule.payload : job.payload }
  }

  /** A skipped occurrence moves its schedule on all the same. */
  async #pass(read: ScheduleRecord | null, due: number, after: number): Promise<void> {
    const schedule = await this.#advance(read, due, after)
    if (schedule !== null) await this.insertNext(schedule)
  }

  /**
   * Marks `due` as passed and moves `next` behind it, unless that was done already; resolves to the schedule as it then is. Also when
   * `next` is another one by now: were `due` not kept as passed, whoever enables the schedule with a clock that is behind could set it again.
   */
  async #advance(
    read: ScheduleRecord | null,
    due: number,
    after: number,
    starter?: ClaimedJob,
  ): Promise<ScheduleRecord | null> {
    let stored = read
    while (stored !== null && (stored.passed === null || stored.passed < due)) {
      const advanced = advancedSchedule(stored, due, after)
      if (await this.#store.compareAndSet(stored.name, stored.rev, advanced)) {
        if (starter && isSole(stored, starter, due)) this.#sole.add(starter)
        return { ...advanced, rev: stored.rev + 1 }
      }
      stored = await this.#store.get(stored.name)
    }
    return stored
  }
}

/**
 * Whether no other job of this instant is or ever will be there: the schedule still had the job's form when it moved on, and has had it since
 * before `next` became this instant. That came after `passed`; a change is written within the deadline of a call after its `updatedAt`.
 */
function isSole(schedule: ScheduleRecord, job: ClaimedJob, due: number): boolean {
  return (
    schedule.next === due &&
    occurrenceId(schedule, due) === job.id &&
    schedule.passed !== null &&
    schedule.passed - schedule.updatedAt >= SETTLED_MS
  )
}
