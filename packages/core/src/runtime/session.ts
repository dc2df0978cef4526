/** What a scheduler has open: the store, the producer, the schedules and, while it runs jobs, the worker. */
import { scopeOf } from '../adapters/scope.ts'
import { ClosedError } from '../errors/sched-error.ts'
import { type OpenedJobStore, openJobStore } from '../store/open-job-store.ts'
import { StorageScheduleStore } from '../store/schedule-store.ts'
import type { Events } from '../telemetry/events.ts'
import { AdapterUse } from './adapter-use.ts'
import type { AnyJobDefinition } from './job-definition.ts'
import { JobManagement } from './job-management.ts'
import { Producer } from './producer.ts'
import { buildOccurrence } from './record-builder.ts'
import type { Registry } from './registry.ts'
import { ScheduleRunner } from './schedule-runner.ts'
import type { SchedulerOptions, SchedulerSettings } from './scheduler-options.ts'
import { Worker } from './worker.ts'

export interface SessionParts {
  readonly options: SchedulerOptions<readonly AnyJobDefinition[]>
  readonly settings: SchedulerSettings
  readonly events: Events
  readonly registry: Registry
}

export interface Open {
  readonly producer: Producer
  readonly jobs: JobManagement
  readonly schedules: ScheduleRunner
}

export class Session {
  readonly #parts: SessionParts
  readonly #opened: OpenedJobStore
  readonly #use: AdapterUse
  #opening: Promise<Open> | undefined
  #open: Open | undefined
  #worker: Worker | undefined
  #started = false
  #stopping: Promise<void> | undefined

  constructor(parts: SessionParts) {
    const { options, settings } = parts
    const { product, project = 'default', environment = 'default' } = options
    this.#parts = parts
    this.#opened = openJobStore({
      adapters: options.adapters,
      scope: scopeOf({ project, environment, ...(product !== undefined && { product }) }),
      clock: settings.clock,
      logger: settings.logger,
      fuse: options.fuse ?? true,
      requireFenced: options.requireFenced ?? false,
    })
    this.#use = new AdapterUse(options.adapters)
  }

  get producer(): Producer | undefined {
    return this.#open?.producer
  }

  get worker(): Worker | undefined {
    return this.#worker
  }

  /** Makes the adapters ready, once; tried anew after a failure. Rejects CLOSED after `stop`. */
  open(): Promise<Open> {
    if (this.#stopping !== undefined && this.#open === undefined)
      return Promise.reject(new ClosedError('the scheduler'))
    this.#opening ??= this.#makeReady().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async start(): Promise<void> {
    if (this.#stopping !== undefined) throw new ClosedError('the scheduler')
    this.#started = true
    await this.open()
    await this.#startWorker()
  }

  stop(force: boolean): Promise<void> {
    if (force) this.#worker?.force()
    this.#stopping ??= this.#shutDown()
    return this.#stopping
  }

  /** A type with a handler was added. */
  typesChanged(): void {
    if (!this.#started || this.#open === undefined || this.#stopping !== undefined) return
    const changed = this.#worker?.isRunning ? this.#worker.typesChanged() : this.#startWorker()
    changed.catch((error: unknown) =>
      this.#parts.events.emit('error', { error, during: 'starting to run jobs' }),
    )
  }

  async #makeReady(): Promise<Open> {
    const { settings } = this.#parts
    const { clock, logger, staleAgeMs } = settings
    const { store, storage, serverTime, description } = this.#opened
    await this.#opened.ready()
    logger.debug('the job store is open', { ...description })
    const schedules = new ScheduleRunner({
      storage,
      logger,
      staleAgeMs,
      store: new StorageScheduleStore(storage, { now: () => serverTime.now() }),
      jobs: store,
      now: () => serverTime.now(),
      makeJob: buildOccurrence,
    })
    this.#open = { schedules, producer: new Producer(store, clock), jobs: new JobManagement(store, clock) }
    return this.#open
  }

  async #startWorker(): Promise<void> {
    const { settings, events, registry } = this.#parts
    if (registry.runnable.length === 0 || this.#stopping !== undefined) return
    const { store, lock, serverTime } = this.#opened
    const { schedules } = this.#open!
    this.#worker ??= new Worker({
      settings,
      events,
      registry,
      store,
      lock,
      serverTime,
      gate: () => schedules,
      sweepSchedules: () => schedules.sweep(),
    })
    await this.#worker.start()
  }

  async #shutDown(): Promise<void> {
    const { settings, events } = this.#parts
    // a start under way ends first; its caller hears of a failure
    await this.#opening?.catch(() => undefined)
    await this.#worker?.stop()
    await this.#open?.producer.close()
    try {
      await this.#opened.closeStore()
      await this.#use.end(settings.closeAdapters ? () => this.#opened.close() : undefined)
    } catch (error) {
      // nothing depends on it any more
      events.emit('error', { error, during: 'closing the adapters' })
    }
  }
}
