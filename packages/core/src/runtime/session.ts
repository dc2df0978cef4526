/** What a scheduler has open: the store, the producer, the schedules and, while it runs jobs, the worker. */
import { ClosedError, UnavailableError } from '../errors/sched-error.ts'
import type { JobStoreDescription } from '../store/describe-store.ts'
import type { OpenedJobStore } from '../store/open-job-store.ts'
import { StorageScheduleStore } from '../store/schedule-store.ts'
import type { Events } from '../telemetry/events.ts'
import { JobManagement } from './job-management.ts'
import { LAST_CALLS_MS, within } from './patience.ts'
import { Producer } from './producer.ts'
import { buildOccurrence } from './record-builder.ts'
import type { Registry } from './registry.ts'
import { ScheduleRunner } from './schedule-runner.ts'
import type { SchedulerSettings } from './scheduler-options.ts'
import { StoreSource } from './store-source.ts'
import { Worker } from './worker.ts'

export interface SessionParts {
  readonly settings: SchedulerSettings
  readonly events: Events
  readonly registry: Registry
}

export interface Open {
  readonly opened: OpenedJobStore
  readonly producer: Producer
  readonly jobs: JobManagement
  readonly schedules: ScheduleRunner
}

export class Session {
  readonly #parts: SessionParts
  readonly #source: StoreSource
  #opening: Promise<Open> | undefined
  /** Ends the wait of everybody for the opening. */
  #giveUpOpening: ((error: Error) => void) | undefined
  #open: Open | undefined
  #starting: Promise<void> | undefined
  #giveUpStarting: ((error: Error) => void) | undefined
  #worker: Worker | undefined
  #started = false
  /** Stopped before it was open. */
  #abandoned = false
  #stopping: Promise<void> | undefined

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#source = new StoreSource(parts.settings)
  }

  get producer(): Producer | undefined {
    return this.#open?.producer
  }

  get scope(): string {
    return this.#source.scope
  }

  /** What it runs on, once that is loaded; nothing is connected for it. Rejects CLOSED when it was stopped before. */
  async describe(): Promise<JobStoreDescription> {
    if (this.#stopping !== undefined && this.#open === undefined) throw new ClosedError('the scheduler')
    return (await this.#source.open()).description
  }

  get isClosed(): boolean {
    return this.#stopping !== undefined
  }

  get worker(): Worker | undefined {
    return this.#worker
  }

  /** Makes the adapters ready, once; tried anew after a failure. Rejects CLOSED after `stop`. */
  open(): Promise<Open> {
    if (this.#stopping !== undefined && this.#open === undefined)
      return Promise.reject(new ClosedError('the scheduler'))
    this.#opening ??= new Promise<Open>((resolve, reject) => {
      this.#giveUpOpening = reject
      this.#makeReady().then(resolve, reject)
    }).catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async start(): Promise<void> {
    if (this.#stopping !== undefined) throw new ClosedError('the scheduler')
    this.#started = true
    await this.open()
    this.#starting ??= new Promise<void>((resolve, reject) => {
      this.#giveUpStarting = reject
      this.#startWorker().then(resolve, reject)
    }).finally(() => {
      this.#starting = undefined
    })
    await this.#starting
    // a stop came meanwhile: nothing runs now
    if (this.#stopping !== undefined) throw new ClosedError('the scheduler')
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
    changed.catch((error: unknown) => this.#parts.events.failed('starting to run jobs', error))
  }

  async #makeReady(): Promise<Open> {
    const { settings, registry } = this.#parts
    const { clock, logger, staleAgeMs } = settings
    const opened = await this.#source.open()
    if (this.#abandoned) throw new ClosedError('the scheduler')
    await opened.ready()
    if (this.#abandoned) throw new ClosedError('the scheduler')
    const { store, storage, serverTime, description } = opened
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
    const jobs = new JobManagement({
      store,
      clock,
      isRegistered: (type) => registry.find(type) !== undefined,
      toCome: (type) => schedules.toCome(type),
    })
    this.#open = { opened, schedules, producer: new Producer(store, clock), jobs }
    return this.#open
  }

  async #startWorker(): Promise<void> {
    const { settings, events, registry } = this.#parts
    if (registry.runnable.length === 0 || this.#stopping !== undefined) return
    const { opened, schedules } = this.#open!
    const { store, lock, serverTime } = opened
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

  /** Each of these calls has its deadline in our own adapters; one that has none must not keep a stop waiting for ever. */
  async #shutDown(): Promise<void> {
    const { settings, events } = this.#parts
    const { clock } = settings
    if (this.#opening && !(await within(clock, LAST_CALLS_MS, this.#opening))) {
      this.#abandoned = true
      this.#giveUpOpening?.(new ClosedError('the scheduler'))
    }
    await this.#stopWorker()
    const producer = this.#open?.producer
    if (producer && !(await within(clock, LAST_CALLS_MS, producer.close()))) producer.abandon()
    const closed = this.#source
      .close()
      .catch((error: unknown) => events.failed('closing the adapters', error))
    if (!(await within(clock, LAST_CALLS_MS, closed)))
      events.failed('closing the adapters', new UnavailableError('the adapters did not close in time'))
  }

  /** While it runs, it bounds its stop by itself; a start that hangs does not end. */
  async #stopWorker(): Promise<void> {
    const worker = this.#worker
    if (worker?.isRunning) await worker.stop()
    else if (worker && !(await within(this.#parts.settings.clock, LAST_CALLS_MS, worker.stop())))
      this.#giveUpStarting?.(new ClosedError('the scheduler'))
  }
}
