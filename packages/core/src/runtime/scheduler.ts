import type { Mode } from '../adapters/modes.ts'
import type { JobRecord } from '../contracts/job-record.ts'
import type { JobPage, JobQuery, WorkerRecord } from '../contracts/job-store.ts'
import type { ScheduleRecord } from '../contracts/schedule-store.ts'
import { ClosedError, InvalidArgumentError } from '../errors/sched-error.ts'
import type { JobStoreDescription } from '../store/describe-store.ts'
import { type EventName, Events, type Listener } from '../telemetry/events.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { EnqueueOptions } from './enqueue-options.ts'
import { Enqueuer } from './enqueuer.ts'
import type { AnyJobDefinition, PayloadArguments, PayloadFor, PayloadOf } from './job-definition.ts'
import type { CountQuery, DrainOptions, RescheduleOptions } from './job-management.ts'
import { Registry } from './registry.ts'
import { type ScheduleJobOptions, schedulePut } from './schedule-options.ts'
import { listenHooks } from './scheduler-hooks.ts'
import { readSettings, type SchedulerOptions, type SchedulerSettings } from './scheduler-options.ts'
import { Session } from './session.ts'

type TypeOf<Definitions extends readonly AnyJobDefinition[]> = Definitions[number]['type']

/** One job of an `enqueueMany`: its payload, and its own options. */
export type EnqueueItem<Payload> = Omit<EnqueueOptions, 'tx'> &
  (undefined extends Payload ? { readonly payload?: Payload } : { readonly payload: Payload })

/** {@link JobStoreDescription}, with what the scheduler adds. */
export interface SchedulerDescription extends JobStoreDescription {
  readonly mode: Mode
  /** `product:project:environment`, escaped: schedulers with the same one share their jobs. */
  readonly scope: string
}

/**
 * Enqueues jobs and runs those whose definitions have a `handle`. Schedulers with the same product, project and environment on the same
 * servers are one cluster.
 */
export class JobScheduler<
  const Definitions extends readonly AnyJobDefinition[] = readonly AnyJobDefinition[],
> {
  readonly #settings: SchedulerSettings
  readonly #events: Events
  readonly #registry: Registry = new Registry()
  readonly #enqueuer: Enqueuer
  readonly #session: Session

  /**
   * Does no I/O. Throws INVALID_ARGUMENT, ADAPTER_INVALID, JOB_ALREADY_REGISTERED. Whether a mode's package is installed, `start` says, or
   * the first other call.
   */
  constructor(options: SchedulerOptions<Definitions>) {
    this.#settings = readSettings(options)
    this.#events = new Events(this.#settings.logger, this.#settings.clock)
    listenHooks(this.#events, options)
    for (const definition of options.jobs ?? []) this.#registry.add(definition)
    this.#session = new Session({
      settings: this.#settings,
      events: this.#events,
      registry: this.#registry,
    })
    this.#enqueuer = new Enqueuer(this.#registry, this.#settings.clock, this.#session)
  }

  /**
   * Makes the adapters ready, and begins to run jobs when a definition has a `handle`. Idempotent. Enqueuing works without it.
   * Rejects UNAVAILABLE and may then be called again; CLOSED after `stop`.
   */
  start(): Promise<void> {
    return this.#session.start()
  }

  /**
   * Claims no more, gives back what has not started, waits up to `shutdownTimeout` for what runs, then aborts it with SHUTTING_DOWN and
   * gives it back, hands over leadership and closes. `force`: no waiting, also when a stop is already waiting. Idempotent; never rejects
   * because of a job. A store that does not answer is waited for five seconds at each thing that is left to tell it, seldom more than two. Do not await it in a handler: it waits for
   * that very handler, for the whole `shutdownTimeout`.
   */
  stop(force = false): Promise<void> {
    return this.#session.stop(force)
  }

  /**
   * What it runs on and what that guarantees: which job store, why that one, fencing, transactions, wakes, durability. Loads the packages of
   * a mode, and connects nothing. `console.log((await scheduler.describe()).text)`. Rejects as `createAdapters` does.
   */
  async describe(): Promise<SchedulerDescription> {
    return { mode: this.#settings.mode, scope: this.#session.scope, ...(await this.#session.describe()) }
  }

  /** The id of this worker, `name#uuid`; null while it runs none. */
  get workerId(): string | null {
    const { worker } = this.#session
    return worker?.isActive ? worker.id : null
  }

  /** Whether this worker does the cluster's chores at this moment. */
  get isLeader(): boolean {
    return this.#session.worker?.isLeader ?? false
  }

  /**
   * Adds a job type, also while it runs. Returns this scheduler, which then knows the type: `const s = scheduler.registerJob(job)`.
   * Throws INVALID_ARGUMENT, JOB_ALREADY_REGISTERED, CLOSED after `stop`.
   */
  registerJob<const Definition extends AnyJobDefinition>(
    definition: Definition,
  ): JobScheduler<readonly [...Definitions, Definition]> {
    if (this.#session.isClosed) throw new ClosedError('the scheduler')
    const job = this.#registry.add(definition)
    if (job.handle) this.#session.typesChanged()
    return this as unknown as JobScheduler<readonly [...Definitions, Definition]>
  }

  /**
   * Resolves to the job's id once the job is durable. Rejects PAYLOAD_INVALID, INVALID_ARGUMENT, JOB_DEFINITION_NOT_FOUND,
   * VALUE_UNSERIALIZABLE, VALUE_TOO_LARGE before anything is stored; UNAVAILABLE, perhaps `ambiguous`: repeat with the same `id`.
   */
  enqueue<Definition extends AnyJobDefinition>(
    job: Definition,
    ...rest: PayloadArguments<PayloadOf<Definition>, EnqueueOptions>
  ): Promise<string>
  enqueue<Type extends TypeOf<Definitions>>(
    type: Type,
    ...rest: PayloadArguments<PayloadFor<Definitions, Type>, EnqueueOptions>
  ): Promise<string>
  enqueue(job: string | AnyJobDefinition, payload?: unknown, options?: EnqueueOptions): Promise<string> {
    return this.#enqueuer.enqueue(typeNameOf(job), payload, options)
  }

  /**
   * Many at once: `[{ payload, …options }, …]`. Resolves to the ids, in order, once all are durable. When a payload or option is wrong
   * nothing is stored; when the store refuses some, rejects with `EnqueueManyError`, whose `results` tell which. The payloads must not be
   * changed before it resolves, nor by a schema that works in place.
   */
  enqueueMany<Definition extends AnyJobDefinition>(
    job: Definition,
    items: readonly EnqueueItem<PayloadOf<Definition>>[],
    options?: Pick<EnqueueOptions, 'tx'>,
  ): Promise<string[]>
  enqueueMany<Type extends TypeOf<Definitions>>(
    type: Type,
    items: readonly EnqueueItem<PayloadFor<Definitions, Type>>[],
    options?: Pick<EnqueueOptions, 'tx'>,
  ): Promise<string[]>
  enqueueMany(
    job: string | AnyJobDefinition,
    items: readonly EnqueueItem<unknown>[],
    options?: Pick<EnqueueOptions, 'tx'>,
  ): Promise<string[]> {
    return this.#enqueuer.enqueueMany(typeNameOf(job), items, options)
  }

  /**
   * Creates the schedule `name`, or makes it what is asked for. Idempotent, so that every process may put its schedules at start.
   * Resolves to its record. Rejects SCHEDULE_INVALID, PAYLOAD_INVALID, INVALID_ARGUMENT.
   */
  schedule<Definition extends AnyJobDefinition>(
    name: string,
    job: Definition,
    payload: PayloadOf<Definition>,
    options: ScheduleJobOptions,
  ): Promise<ScheduleRecord>
  schedule<Type extends TypeOf<Definitions>>(
    name: string,
    type: Type,
    payload: PayloadFor<Definitions, Type>,
    options: ScheduleJobOptions,
  ): Promise<ScheduleRecord>
  async schedule(
    name: string,
    job: string | AnyJobDefinition,
    payload: unknown,
    options: ScheduleJobOptions,
  ): Promise<ScheduleRecord> {
    const { registered, stored } = await schedulePut(
      this.#registry.get(typeNameOf(job)),
      name,
      payload,
      options,
    )
    const { schedules } = await this.#session.open()
    return schedules.put(name, registered.type, payload, stored)
  }

  /** Fires again from the first instant after now. Rejects SCHEDULE_NOT_FOUND. */
  async enableSchedule(name: string): Promise<ScheduleRecord> {
    return (await this.#session.open()).schedules.enable(name)
  }

  /** Fires no more. Rejects SCHEDULE_NOT_FOUND. */
  async disableSchedule(name: string): Promise<ScheduleRecord> {
    return (await this.#session.open()).schedules.disable(name)
  }

  /** Resolves to whether it was there. */
  async removeSchedule(name: string): Promise<boolean> {
    return (await this.#session.open()).schedules.remove(name)
  }

  async getSchedule(name: string): Promise<ScheduleRecord | null> {
    return (await this.#session.open()).schedules.get(name)
  }

  async listSchedules(): Promise<readonly ScheduleRecord[]> {
    return (await this.#session.open()).schedules.list()
  }

  /** The next `count` due instants, epoch milliseconds. Rejects SCHEDULE_NOT_FOUND. */
  async previewSchedule(name: string, count = 10): Promise<number[]> {
    return (await this.#session.open()).schedules.preview(name, count)
  }

  /** One run at once; the schedule goes on as it was. Resolves to the job's id. Rejects SCHEDULE_NOT_FOUND. */
  async runScheduleNow(name: string): Promise<string> {
    return (await this.#session.open()).schedules.runNow(name)
  }

  async getJob(id: string): Promise<JobRecord | null> {
    return (await this.#session.open()).jobs.get(id)
  }

  /** A page of jobs; go on with its `after`. */
  async listJobs(query: JobQuery = {}): Promise<JobPage> {
    return (await this.#session.open()).jobs.list(query)
  }

  /** Finished jobs are counted also when they are pruned. */
  async countJobs(query: CountQuery = {}): Promise<number> {
    return (await this.#session.open()).jobs.count(query)
  }

  /**
   * A pending job ends at once; a running one's worker is told at its next heartbeat. The `reason` is kept in the job's record: text of up to
   * 8,192 bytes without NUL or lone surrogates. Rejects JOB_NOT_FOUND, JOB_STATE, INVALID_ARGUMENT.
   */
  async cancelJob(id: string, reason?: string): Promise<void> {
    const { jobs } = await this.#session.open()
    await jobs.change(id, { kind: 'cancel', ...(reason !== undefined && { reason }) })
    this.#session.worker?.ask()
  }

  /**
   * A failed or cancelled job runs again, due now, with all its retries: `failures` and crashes start at 0. `attempt` counts on, since it says
   * how often the job was started. Rejects JOB_NOT_FOUND, JOB_STATE.
   */
  async retryJob(id: string): Promise<void> {
    await (await this.#session.open()).jobs.change(id, { kind: 'retry' })
  }

  /** A waiting job is due now. Rejects JOB_NOT_FOUND, JOB_STATE. */
  async promoteJob(id: string): Promise<void> {
    await (await this.#session.open()).jobs.change(id, { kind: 'promote' })
  }

  /** A waiting job is due at another time. Rejects JOB_NOT_FOUND, JOB_STATE, INVALID_ARGUMENT. */
  async rescheduleJob(id: string, when: RescheduleOptions): Promise<void> {
    await (await this.#session.open()).jobs.reschedule(id, when)
  }

  /** The record goes; a running job must be cancelled first. Rejects JOB_NOT_FOUND, JOB_STATE. */
  async removeJob(id: string): Promise<void> {
    await (await this.#session.open()).jobs.change(id, { kind: 'discard' })
  }

  /**
   * No job of the type starts, in the whole cluster, until `resume`. What runs goes on; enqueuing works. Rejects JOB_DEFINITION_NOT_FOUND
   * for a type that neither this scheduler nor the cluster knows.
   */
  async pause(type: string | AnyJobDefinition): Promise<void> {
    await (await this.#session.open()).jobs.pause(typeNameOf(type), true)
  }

  async resume(type: string | AnyJobDefinition): Promise<void> {
    await (await this.#session.open()).jobs.pause(typeNameOf(type), false)
  }

  /**
   * Resolves to true once no job is pending or running in the cluster, false after the timeout. Delayed jobs count as pending; the next
   * occurrences of schedules do not while they are not due. Rejects JOB_DEFINITION_NOT_FOUND for a type that nobody knows.
   */
  async drain(options: DrainOptions = {}): Promise<boolean> {
    return (await this.#session.open()).jobs.drain(options)
  }

  async getMetrics(): Promise<Metrics> {
    return (await this.#session.open()).jobs.metrics()
  }

  /** Every worker of the cluster. */
  async workers(): Promise<readonly WorkerRecord[]> {
    return (await this.#session.open()).jobs.workers()
  }

  /** A listener that throws is logged and hurts nobody. Throws INVALID_ARGUMENT for an event that there is not. */
  on<Name extends EventName>(event: Name, listener: Listener<Name>): this {
    this.#events.on(event, listener)
    return this
  }

  off<Name extends EventName>(event: Name, listener: Listener<Name>): this {
    this.#events.off(event, listener)
    return this
  }

  once<Name extends EventName>(event: Name, listener: Listener<Name>): this {
    this.#events.once(event, listener)
    return this
  }
}

function typeNameOf(job: string | AnyJobDefinition): string {
  const type = typeof job === 'string' ? job : job?.type
  if (typeof type === 'string') return type
  throw new InvalidArgumentError('a job is named by its definition or by its type')
}
