import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from '../values/clock.ts'

/**
 * Who this worker is and how long its lease surely lasts, by its own monotonic clock: counted from before the last answered heartbeat
 * was sent. Past that nothing may be claimed or started.
 */
export class WorkerLease {
  readonly #clock: Clock
  readonly #name: string
  #id: string
  #until = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, name: string = `${hostname()}-${randomUUID()}`) {
    this.#clock = clock
    this.#name = name
    this.#id = freshId(name)
  }

  get name(): string {
    return this.#name
  }

  /** `name#uuid`, fresh at every start. */
  get id(): string {
    return this.#id
  }

  /** Monotonic milliseconds. */
  get until(): number {
    return this.#until
  }

  get isLive(): boolean {
    return this.#clock.monotonic() < this.#until
  }

  /** A heartbeat sent at `sentAt` (monotonic) for `leaseMs` was answered. */
  renewed(sentAt: number, leaseMs: number): void {
    this.#until = Math.max(this.#until, sentAt + leaseMs)
  }

  end(): void {
    this.#until = Number.NEGATIVE_INFINITY
  }

  /** The old id is dead, or never lived: on under a new one, which must join before it claims. */
  renew(): void {
    this.end()
    this.#id = freshId(this.#name)
  }
}

function freshId(name: string): string {
  return `${name}#${randomUUID()}`
}
