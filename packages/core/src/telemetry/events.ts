import type { FailReason, Occurrence } from '../contracts/job-record.ts'
import type { SweepReport } from '../contracts/job-store.ts'
import { InvalidArgumentError } from '../errors/sched-error.ts'
import { type Clock, systemClock } from '../values/clock.ts'
import { show } from '../values/show.ts'
import { FailureLog } from './failure-log.ts'
import type { Logger, LogLevel } from './logger.ts'

/** A job as hooks and events show it: one attempt of it. Instants are epoch milliseconds. */
export interface Job {
  readonly id: string
  readonly type: string
  /** As it is stored: the schema's input. */
  readonly payload: unknown
  /** 1 for the first run. */
  readonly attempt: number
  /** Attempts that failed before this one. */
  readonly failures: number
  readonly maxRetries: number
  readonly fence: number
  readonly priority: number
  readonly createdAt: number
  readonly dueAt: number
  readonly expiresAt: number | null
  readonly entityId: string | null
  readonly occurrence: Occurrence | null
  /** The worker that ran it. */
  readonly worker: string
}

/** What a scheduler tells its listeners. Outcomes are told once the store has them. */
export interface SchedulerEvents {
  started: { readonly job: Job }
  /** `durationMs`: how long the handler ran. */
  completed: { readonly job: Job; readonly result: unknown; readonly durationMs: number }
  /**
   * An attempt failed here. `final`: the job is a dead letter now, for this `reason`; otherwise a `retry` follows. Not told: jobs that failed
   * because their workers died (reason `crashed`); the leader's `sweep` counts them.
   */
  failed: { readonly job: Job; readonly error: Error; readonly final: boolean; readonly reason: FailReason }
  /** It will run again in `delayMs`. */
  retry: { readonly job: Job; readonly error: Error; readonly delayMs: number }
  cancelled: { readonly job: Job; readonly reason: string | null }
  /** Claimed here, and past its `expiresAt` before it could start. Not told: jobs that expired while they waited; the leader's `sweep` counts them. */
  expired: { readonly job: Job }
  /** A stop ended the attempt; the job is pending again. */
  interrupted: { readonly job: Job }
  /** The lease was lost while the attempt ran: its signal is aborted and its result will be dropped. */
  lost: { readonly job: Job }
  /** The result of an attempt was dropped, because its lease was lost. `outcome`: what it would have been. */
  stale: { readonly job: Job; readonly outcome: string }
  /** A handler called `ctx.log`. */
  log: {
    readonly job: Job
    readonly level: LogLevel
    readonly message: string
    readonly metadata: Readonly<Record<string, unknown>> | undefined
  }
  /** A handler called `ctx.updateProgress`. */
  progress: { readonly job: Job; readonly progress: number }
  /** `term` only grows; null where the lock adapter gives none. */
  leadershipAcquired: { readonly worker: string; readonly term: number | null }
  leadershipLost: { readonly worker: string }
  /** This worker was declared dead, and goes on under a new id. */
  workerReplaced: { readonly worker: string; readonly replacedBy: string }
  /** The leader's sweep found something to do. */
  sweep: { readonly report: SweepReport }
  /**
   * Something in the background failed, and is tried again where that helps. `during`: what, e.g. `heartbeat`; `jobId`: where it is about
   * one job. The logger hears of it too: at first, then at most once a minute.
   */
  error: { readonly error: unknown; readonly during: string; readonly jobId?: string }
}

export type EventName = keyof SchedulerEvents

const NAMES: Readonly<Record<EventName, true>> = {
  started: true,
  completed: true,
  failed: true,
  retry: true,
  cancelled: true,
  expired: true,
  interrupted: true,
  lost: true,
  stale: true,
  log: true,
  progress: true,
  leadershipAcquired: true,
  leadershipLost: true,
  workerReplaced: true,
  sweep: true,
  error: true,
}

export type Listener<E extends EventName> = (event: SchedulerEvents[E]) => void

/** Listeners by event. One that throws, or whose promise rejects, is logged and hurts nobody. */
export class Events {
  /** Each with whether it hears one event only. */
  readonly #listeners: Map<EventName, Map<Listener<never>, boolean>> = new Map()
  readonly #logger: Logger
  readonly #failures: FailureLog

  constructor(logger: Logger, clock: Pick<Clock, 'monotonic'> = systemClock) {
    this.#logger = logger
    this.#failures = new FailureLog(logger, clock)
  }

  /** Whether anybody listens: events are not even made otherwise. */
  has(event: EventName): boolean {
    return this.#listeners.has(event)
  }

  /** Throws INVALID_ARGUMENT for an event that there is not, and for what is no function. */
  on<E extends EventName>(event: E, listener: Listener<E>): void {
    this.#add(event, listener, false)
  }

  /** Like {@link on}, for the next event only. */
  once<E extends EventName>(event: E, listener: Listener<E>): void {
    this.#add(event, listener, true)
  }

  off<E extends EventName>(event: E, listener: Listener<E>): void {
    checkEvent(event)
    const listeners = this.#listeners.get(event)
    listeners?.delete(listener as Listener<never>)
    if (listeners?.size === 0) this.#listeners.delete(event)
  }

  emit<E extends EventName>(event: E, value: SchedulerEvents[E]): void {
    const listeners = this.#listeners.get(event)
    if (!listeners) return
    for (const [listener, once] of [...listeners] as [Listener<E>, boolean][]) {
      if (once) this.off(event, listener)
      try {
        const answer: unknown = listener(value)
        if (answer instanceof Promise) answer.catch((error: unknown) => this.#report(event, error))
      } catch (error) {
        this.#report(event, error)
      }
    }
  }

  /** Something in the background failed: tells the listeners of `error`, and the logger. */
  failed(during: string, error: unknown, jobId?: string): void {
    const job = jobId === undefined ? undefined : { jobId }
    this.#failures.failed(during, error, job)
    this.emit('error', { error, during, ...job })
  }

  /** It works: ends a row of failures. */
  worked(during: string): void {
    this.#failures.worked(during)
  }

  #add<E extends EventName>(event: E, listener: Listener<E>, once: boolean): void {
    checkEvent(event)
    if (typeof listener !== 'function')
      throw new InvalidArgumentError(`the listener of "${event}" must be a function, not ${show(listener)}`)
    const listeners = this.#listeners.get(event)
    if (listeners) listeners.set(listener as Listener<never>, once)
    else this.#listeners.set(event, new Map([[listener as Listener<never>, once]]))
  }

  #report(event: EventName, error: unknown): void {
    this.#logger.error(`a listener of "${event}" failed`, { error })
  }
}

function checkEvent(event: string): void {
  if (Object.hasOwn(NAMES, event)) return
  throw new InvalidArgumentError(
    `there is no event ${show(event)}; there are ${Object.keys(NAMES).join(', ')}`,
  )
}
