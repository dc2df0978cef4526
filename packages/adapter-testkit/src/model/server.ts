import { randomUUID } from 'node:crypto'
import { ClosedError, type Lifecycle, UnavailableError } from '@sched/core/adapter'
import { ModelClock, type ModelClockOptions } from './clock.ts'
import type { JobTable } from './job-table.ts'
import type { Queue } from './queue.ts'
import type { LockRow, Row, ScheduleTable } from './rows.ts'

/** One prefix on the model server: what two nodes opened on the same namespace share. */
export class Space {
  readonly clock: ModelClock
  readonly rows: Map<string, Row> = new Map()
  readonly queues: Map<string, Queue> = new Map()
  readonly locks: Map<string, LockRow> = new Map()
  jobs: JobTable | undefined
  schedules: ScheduleTable | undefined
  incarnation: string = randomUUID()
  /** False: every call rejects UNAVAILABLE, as if nobody listened on the port. */
  up = true
  #seq = 0

  constructor(options: ModelClockOptions = {}) {
    this.clock = new ModelClock(options)
  }

  /** A number that only grows: the order in which things happened here. */
  next(): number {
    return ++this.#seq
  }

  /** The server lost its data: what FLUSHALL or a failover to an empty replica does. */
  wipe(): void {
    this.rows.clear()
    for (const queue of this.queues.values()) queue.clear()
    this.locks.clear()
    this.jobs?.clear()
    this.schedules = undefined
    this.incarnation = randomUUID()
  }
}

/** What one node knows of itself. */
export interface ModelNode {
  readonly space: Space
  /** How far this node's own wall clock is off. A sound adapter never looks at it. */
  readonly skewMs?: number
}

/** What the three model adapters share: a life, the server's time, and steps that are atomic because they are synchronous. */
export abstract class ModelAdapter implements Lifecycle {
  protected readonly space: Space
  protected readonly skewMs: number
  #closed = false

  constructor(node: ModelNode) {
    this.space = node.space
    this.skewMs = node.skewMs ?? 0
  }

  protected abstract readonly what: string

  async ready(): Promise<void> {
    await this.step(() => undefined)
  }

  async ping(): Promise<void> {
    await this.step(() => undefined)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  protected get closed(): boolean {
    return this.#closed
  }

  /** The server's clock, epoch milliseconds. */
  protected serverNow(): number {
    return this.space.clock.now()
  }

  /** One request and its answer: `apply` runs at one instant on the server, with a turn of the network before and after it. */
  protected async step<T>(apply: () => T): Promise<T> {
    this.guard()
    await null
    this.guard()
    const answer = apply()
    await null
    return answer
  }

  protected guard(): void {
    if (this.#closed) throw new ClosedError(this.what)
    if (!this.space.up) throw new UnavailableError(`${this.what} is unreachable: start it again`)
  }
}
