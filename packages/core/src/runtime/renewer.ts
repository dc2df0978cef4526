/**
 * One heartbeat a worker, each min(workerHeartbeatInterval, TTL / 3): it renews the lease by which all claims live, and brings back what
 * was lost and what is to be cancelled. A worker that was declared dead gives up its attempts and goes on under a fresh id.
 */
import type { HeartbeatReply, Held, JobStore } from '../contracts/job-store.ts'
import { LeaseLostError, UnavailableError } from '../errors/sched-error.ts'
import type { Events } from '../telemetry/events.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Clock } from '../values/clock.ts'
import type { Attempt } from './attempt.ts'
import type { Executor } from './executor.ts'
import { Periodic } from './periodic.ts'
import { Service } from './service.ts'
import type { Settler } from './settler.ts'
import type { WorkerLease } from './worker-lease.ts'

export interface RenewerParts {
  readonly store: JobStore
  readonly clock: Clock
  readonly lease: WorkerLease
  readonly executor: Executor
  readonly settler: Settler
  readonly events: Events
  readonly logger: Logger
  readonly leaseMs: number
  readonly heartbeatMs: number
  /** What `workers()` shows of this one. */
  readonly info: () => Readonly<Record<string, unknown>>
  /** Measures the server's clock. */
  readonly measure: () => Promise<void>
  /** The lease is live (again). */
  readonly onRenewed: () => void
}

export class Renewer extends Service {
  readonly #parts: RenewerParts
  readonly #beats: Periodic
  readonly #everyMs: number
  #sentAt = Number.NEGATIVE_INFINITY
  #failure: unknown
  #joined = false

  constructor(parts: RenewerParts) {
    super()
    this.#parts = parts
    this.#everyMs = Math.min(parts.heartbeatMs, parts.leaseMs / 3)
    this.#beats = new Periodic(parts.clock, () => this.#round())
  }

  /** A heartbeat now, unless there was one within a tenth of the lease. Rejects UNAVAILABLE when the store does not answer. */
  async renew(): Promise<void> {
    const { clock, leaseMs } = this.#parts
    if (clock.monotonic() - this.#sentAt < leaseMs / 10) return
    await this.#beats.now()
    if (this.#failure === undefined) return
    throw new UnavailableError('the lease could not be renewed: the job store does not answer', {
      cause: this.#failure,
    })
  }

  /** A heartbeat now, to learn what was cancelled. */
  ask(): Promise<void> {
    return this.#beats.now()
  }

  protected async onStart(): Promise<void> {
    this.#parts.lease.renew()
    await this.#join()
    await this.#beats.start()
    this.#beats.arm(this.#everyMs)
  }

  /** Gives back whatever the store still holds for this worker. What was started and not settled it names: that counts as an attempt. */
  protected async onStop(): Promise<void> {
    const { store, lease, leaseMs, events } = this.#parts
    await this.#beats.stop()
    lease.end()
    if (this.isAbandoned) return
    const started = this.#heldAttempts().filter(({ ran }) => ran)
    try {
      await store.heartbeat({ id: lease.id, leaseMs, phase: 'leave' }, toHeld(started))
    } catch (error) {
      // its lease ends by itself, and what it holds comes back then
      if (!this.isAbandoned) events.failed('leaving', error)
    }
  }

  async #round(): Promise<number> {
    const { events, leaseMs } = this.#parts
    try {
      if (this.#joined) await this.#beat()
      else await this.#join()
      this.#failure = undefined
      events.worked('heartbeat')
      await this.#parts.measure()
      return this.#everyMs
    } catch (error) {
      this.#failure = error
      events.failed('heartbeat', error)
      return Math.min(this.#everyMs, leaseMs / 10)
    }
  }

  async #join(): Promise<void> {
    const { store, clock, lease, leaseMs, info, onRenewed } = this.#parts
    const sentAt = clock.monotonic()
    await store.heartbeat({ id: lease.id, leaseMs, phase: 'join', info: info() }, [])
    this.#joined = true
    this.#sentAt = sentAt
    lease.renewed(sentAt, leaseMs)
    onRenewed()
  }

  async #beat(): Promise<void> {
    const { store, clock, lease, leaseMs, onRenewed } = this.#parts
    const attempts = this.#heldAttempts()
    const sentAt = clock.monotonic()
    const reply = await store.heartbeat({ id: lease.id, leaseMs }, toHeld(attempts))
    if (!reply.alive) {
      await this.#replace()
      return
    }
    this.#sentAt = sentAt
    lease.renewed(sentAt, leaseMs)
    this.#tell(attempts, reply)
    onRenewed()
  }

  #heldAttempts(): Attempt[] {
    const { executor, settler, lease } = this.#parts
    const attempts: Attempt[] = []
    executor.collect(attempts)
    settler.collect(attempts)
    return attempts.filter(({ worker }) => worker === lease.id)
  }

  /** Only attempts that were held when the call was made and are not over now: what was settled meanwhile is rightly gone. */
  #tell(attempts: readonly Attempt[], { lost, cancelRequested }: HeartbeatReply): void {
    if (lost.length === 0 && cancelRequested.length === 0) return
    const { executor } = this.#parts
    const byId = new Map(attempts.map((attempt) => [attempt.job.id, attempt]))
    for (const id of lost) {
      const attempt = byId.get(id)
      if (attempt?.state === 'over') attempt.lost = true
      else if (attempt) executor.lose(attempt, leaseLost(id))
    }
    this.#dropLost()
    for (const id of cancelRequested) {
      const attempt = byId.get(id)
      if (attempt) executor.cancel(attempt)
    }
  }

  /** Their outcomes need not be sent: the store would refuse each. */
  #dropLost(): void {
    const { settler, events, logger } = this.#parts
    const dropped = settler.dropLost().filter(({ attempt }) => attempt.ran)
    if (dropped.length === 0) return
    logger.warn('results of attempts were dropped, because their leases were lost', {
      jobIds: dropped.map(({ attempt }) => attempt.job.id),
    })
    if (!events.has('stale')) return
    for (const { attempt, outcome } of dropped)
      events.emit('stale', { job: attempt.view(), outcome: outcome.kind })
  }

  async #replace(): Promise<void> {
    const { executor, lease, events, logger } = this.#parts
    const dead = lease.id
    const attempts: Attempt[] = []
    executor.collect(attempts)
    for (const attempt of attempts) executor.lose(attempt, leaseLost(attempt.job.id))
    lease.renew()
    this.#joined = false
    logger.warn('this worker was declared dead and goes on under a new id', {
      worker: dead,
      replacedBy: lease.id,
    })
    events.emit('workerReplaced', { worker: dead, replacedBy: lease.id })
    await this.#join()
  }
}

function toHeld(attempts: readonly Attempt[]): Held[] {
  return attempts.map(({ job: { id, token } }) => ({ id, token }))
}

function leaseLost(id: string): LeaseLostError {
  return new LeaseLostError(
    `the lease of job ${id} is lost: another worker may run it, and this result will be dropped`,
  )
}
