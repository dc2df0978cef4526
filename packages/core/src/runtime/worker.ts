/** The part of a scheduler that runs jobs: composed of the lease and its renewer, the loop, the executor, and the leader's duties. */
import { hostname } from 'node:os'
import type { JobStore } from '../contracts/job-store.ts'
import type { ILockAdapter } from '../contracts/lock-adapter.ts'
import { ShuttingDownError } from '../errors/sched-error.ts'
import type { Events } from '../telemetry/events.ts'
import { LOG_LEVELS, type LogLevel } from '../telemetry/logger.ts'
import type { Attempt, ContextHost } from './attempt.ts'
import { Consumer } from './consumer.ts'
import { Executor } from './executor.ts'
import { Leader } from './leader.ts'
import { Maintenance } from './maintenance.ts'
import type { OccurrenceGate } from './occurrence-gate.ts'
import { OutcomeReporter } from './outcome-reporter.ts'
import { LAST_CALLS_MS, within } from './patience.ts'
import type { Registry } from './registry.ts'
import { Renewer } from './renewer.ts'
import type { SchedulerSettings } from './scheduler-options.ts'
import { Service } from './service.ts'
import { Settler } from './settler.ts'
import { WorkerLease } from './worker-lease.ts'

export interface WorkerParts {
  readonly settings: SchedulerSettings
  readonly store: JobStore
  readonly lock: ILockAdapter
  readonly registry: Registry
  readonly events: Events
  readonly serverTime: { now(): number; measure(): Promise<void> }
  readonly gate: () => OccurrenceGate | undefined
  readonly sweepSchedules: () => Promise<unknown>
}

export class Worker extends Service implements ContextHost {
  readonly #parts: WorkerParts
  readonly #lease: WorkerLease
  readonly #settler: Settler = new Settler()
  readonly #executor: Executor
  readonly #consumer: Consumer
  readonly #renewer: Renewer
  readonly #leader: Leader
  readonly #maintenance: Maintenance
  readonly #subscribed: Set<string> = new Set()
  readonly #unsubscribe: (() => Promise<void>)[] = []
  #subscribing: Promise<void> | undefined
  #shuttingDown = false
  #forced = false
  #onIdle: (() => void) | undefined

  constructor(parts: WorkerParts) {
    super()
    this.#parts = parts
    const { settings, store, lock, registry, events, serverTime, gate, sweepSchedules } = parts
    const { clock, logger, random, maxConcurrentJobs, jobLockMs: leaseMs } = settings
    const lease = new WorkerLease(clock, settings.worker)
    const settler = this.#settler
    const reporter = new OutcomeReporter({ events, logger, gate, jobs: store })
    this.#lease = lease
    this.#executor = new Executor({
      clock,
      lease,
      settler,
      events,
      logger,
      random,
      gate,
      maxConcurrentJobs,
      host: this,
      serverNow: () => serverTime.now(),
      onProgress: () => this.#progress(),
    })
    this.#consumer = new Consumer({
      store,
      clock,
      lease,
      registry,
      settler,
      events,
      random,
      maxConcurrentJobs,
      leaseMs,
      executor: this.#executor,
      pollMs: settings.pollMs,
      onSettled: (batch, settled) => reporter.report(batch, settled),
    })
    this.#renewer = new Renewer({
      store,
      clock,
      lease,
      settler,
      events,
      logger,
      leaseMs,
      executor: this.#executor,
      heartbeatMs: settings.heartbeatMs,
      info: () => ({ name: lease.name, host: hostname(), pid: process.pid, types: registry.runnable }),
      measure: () => serverTime.measure(),
      onRenewed: () => this.#renewed(),
    })
    this.#maintenance = new Maintenance({
      store,
      clock,
      events,
      sweepSchedules,
      sweepMs: settings.sweepMs,
      schedulesMs: settings.schedulesMs,
      isLeader: () => this.#leader.isLeader,
    })
    this.#leader = new Leader({
      lock,
      clock,
      events,
      ttlMs: settings.leaderLockMs,
      worker: () => lease.id,
      onAcquired: () => void this.#maintenance.start(),
      onLost: () => void this.#maintenance.stop(),
    })
  }

  get id(): string {
    return this.#lease.id
  }

  get isLeader(): boolean {
    return this.#leader.isLeader
  }

  get isShuttingDown(): boolean {
    return this.#shuttingDown
  }

  /** A type was added that may be run here. */
  async typesChanged(): Promise<void> {
    await this.#subscribe()
    this.#consumer.wake()
  }

  /** A job was changed here that may run here: learn of it now instead of at the next heartbeat. */
  ask(): void {
    if (this.isRunning) void this.#renewer.ask()
  }

  /** Ends the wait for running jobs. */
  force(): void {
    this.#forced = true
    this.#onIdle?.()
  }

  log(
    attempt: Attempt,
    level: LogLevel,
    message: string,
    metadata?: Readonly<Record<string, unknown>>,
  ): void {
    const { events, settings } = this.#parts
    const { id, type } = attempt.job
    // a call of the log must not cost a job, whatever it is called with
    const known = LOG_LEVELS.includes(level) ? level : 'info'
    settings.logger[known](message, { jobId: id, type, attempt: attempt.job.attempt, ...metadata })
    if (events.has('log')) events.emit('log', { job: attempt.view(), level: known, message, metadata })
  }

  progress(attempt: Attempt, progress: number): void {
    const { events } = this.#parts
    if (events.has('progress')) events.emit('progress', { job: attempt.view(), progress })
  }

  signOfLife(attempt: Attempt): void {
    this.#executor.signOfLife(attempt)
  }

  renew(): Promise<void> {
    return this.#renewer.renew()
  }

  protected async onStart(): Promise<void> {
    await this.#renewer.start()
    await this.#subscribe()
    this.#consumer.open()
    await this.#leader.start()
  }

  protected async onStop(): Promise<void> {
    const { settings } = this.#parts
    this.#shuttingDown = true
    this.#consumer.closeClaims()
    const handover = this.#leader.stop()
    await this.#idle(settings.shutdownMs)
    await this.#interrupt()
    const isDrained = await within(settings.clock, LAST_CALLS_MS, this.#consumer.drained())
    this.#consumer.close()
    const farewells = [handover, this.#maintenance.stop(), this.#endSubscriptions(), this.#renewer.stop()]
    // a store that did not answer until now will hardly do so
    const patienceMs = isDrained ? LAST_CALLS_MS : LAST_CALLS_MS / 5
    if (await within(settings.clock, patienceMs, Promise.all(farewells))) return
    for (const service of [this.#leader, this.#renewer]) service.abandon()
  }

  /** Waits until nothing runs, at most `ms`, or until it is forced. */
  async #idle(ms: number): Promise<void> {
    if (this.#executor.running === 0 || this.#forced) return
    const ended = new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
    await within(this.#parts.settings.clock, ms, ended)
    this.#onIdle = undefined
  }

  /** Whoever still runs is told, gets a turn of the event loop to end by itself, and goes back as it was. */
  async #interrupt(): Promise<void> {
    if (this.#executor.running === 0) return
    const error = new ShuttingDownError('the scheduler stopped before this attempt ended')
    this.#executor.abortAll(error)
    await new Promise((resolve) => setImmediate(resolve))
    this.#executor.interruptAll(error)
  }

  #progress(): void {
    this.#consumer.turn()
    if (this.#onIdle && this.#executor.running === 0) this.#onIdle()
  }

  #renewed(): void {
    this.#consumer.turn()
    if (this.isRunning) void this.#subscribe()
  }

  /** Wakes only make it early: where listening fails, polling goes on, and the next heartbeat tries again. */
  #subscribe(): Promise<void> {
    this.#subscribing ??= this.#subscribeMissing().finally(() => {
      this.#subscribing = undefined
    })
    return this.#subscribing
  }

  async #subscribeMissing(): Promise<void> {
    const { store, registry, events } = this.#parts
    const types = registry.runnable.filter((type) => !this.#subscribed.has(type))
    if (types.length === 0 || this.#shuttingDown) return
    try {
      this.#unsubscribe.push(await store.subscribe(types, () => this.#consumer.wake()))
      for (const type of types) this.#subscribed.add(type)
      events.worked('subscribing to wakes')
    } catch (error) {
      events.failed('subscribing to wakes', error)
    }
  }

  async #endSubscriptions(): Promise<void> {
    await this.#subscribing
    for (const end of this.#unsubscribe.splice(0)) {
      try {
        await end()
      } catch (error) {
        this.#parts.events.failed('unsubscribing from wakes', error)
      }
    }
  }
}
