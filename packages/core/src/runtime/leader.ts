/**
 * Leader election by a lock with an end. Any worker may lead; leading only saves work, and two leaders at once do no harm. Whether it
 * still leads, a worker knows by its own monotonic clock, counted from before the last answered renewal was sent.
 */
import type { ILockAdapter } from '../contracts/lock-adapter.ts'
import type { Events } from '../telemetry/events.ts'
import type { Clock } from '../values/clock.ts'
import { Periodic } from './periodic.ts'
import { Service } from './service.ts'

const KEY = 'leader'

export interface LeaderParts {
  readonly lock: ILockAdapter
  readonly clock: Clock
  readonly events: Events
  readonly ttlMs: number
  /** The worker's id at this moment. */
  readonly worker: () => string
  readonly onAcquired: () => void
  readonly onLost: () => void
}

export class Leader extends Service {
  readonly #parts: LeaderParts
  readonly #rounds: Periodic
  readonly #renewMs: number
  /** Whose the lock is: the worker's id when it was taken. */
  #owner = ''
  #leading = false
  #until = Number.NEGATIVE_INFINITY
  #term: number | null = null

  constructor(parts: LeaderParts) {
    super()
    this.#parts = parts
    this.#renewMs = parts.ttlMs / 3
    this.#rounds = new Periodic(parts.clock, () => this.#round())
  }

  get isLeader(): boolean {
    return this.#leading && this.#isHeld
  }

  protected async onStart(): Promise<void> {
    await this.#rounds.start()
    // an election that fails now is tried again; starting does not depend on it
    void this.#rounds.now()
  }

  /** Hands over: the next one need not wait for the lock to end. */
  protected async onStop(): Promise<void> {
    await this.#rounds.stop()
    if (!this.#leading) return
    this.#lose()
    if (this.isAbandoned) return
    try {
      await this.#parts.lock.release(KEY, this.#owner)
    } catch (error) {
      if (!this.isAbandoned) this.#parts.events.failed('handing over leadership', error)
    }
  }

  /** Resolves to how long until the next round, milliseconds. */
  async #round(): Promise<number> {
    const { clock, ttlMs, events } = this.#parts
    if (this.#leading && !this.isLeader) this.#lose()
    if (!this.#leading) this.#owner = this.#parts.worker()
    const sentAt = clock.monotonic()
    try {
      const held = await this.#acquire()
      events.worked('leader election')
      if (!held) this.#lose()
      else {
        this.#until = sentAt + ttlMs
        // an answer that took longer than the lock lasts is worth nothing
        if (this.#isHeld) this.#lead()
      }
      return this.#renewMs
    } catch (error) {
      events.failed('leader election', error)
      if (!this.#leading) return this.#renewMs
      if (!this.isLeader) this.#lose()
      return Math.max(1, Math.min(this.#renewMs / 2, this.#until - clock.monotonic()))
    }
  }

  get #isHeld(): boolean {
    return this.#parts.clock.monotonic() < this.#until
  }

  /** The live owner acquiring again renews. */
  async #acquire(): Promise<boolean> {
    const { lock, ttlMs } = this.#parts
    if (lock.acquireLease) {
      const lease = await lock.acquireLease(KEY, this.#owner, ttlMs)
      if (lease) this.#term = lease.token
      return lease !== null
    }
    return this.#leading ? lock.renew(KEY, this.#owner, ttlMs) : lock.acquire(KEY, this.#owner, ttlMs)
  }

  #lead(): void {
    if (this.#leading) return
    this.#leading = true
    this.#parts.events.emit('leadershipAcquired', { worker: this.#parts.worker(), term: this.#term })
    this.#parts.onAcquired()
  }

  #lose(): void {
    if (!this.#leading) return
    this.#leading = false
    this.#parts.events.emit('leadershipLost', { worker: this.#parts.worker() })
    this.#parts.onLost()
  }
}
