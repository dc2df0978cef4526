import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '@sched/core/adapter'
import { JobScope } from './job-store/job-scope.ts'
import { LockTable } from './lock-table.ts'
import { Queues } from './queues.ts'
import { Records } from './records.ts'
import { Alarm } from './timers.ts'

export interface MemoryServerOptions {
  /** Whose `now` decides expiry, delay and due checks; default: the system's. */
  readonly clock?: Clock
  /** See `MemoryOptions`. */
  readonly maxRememberedIds?: number
}

/** Most ids of pruned jobs that a scope remembers, where no option says otherwise. */
const DEFAULT_MAX_REMEMBERED_IDS = 1_000_000

/**
 * Plays the part that a database server plays for the other adapters: holds the data, and owns the clock. Adapters made on the same
 * server are nodes of one cluster, each closed by itself; the data lives as long as the server is referenced.
 */
export class MemoryServer {
  readonly clock: Clock
  readonly #maxRememberedIds: number
  readonly #alarm: Alarm
  readonly #spaces: Map<string, Space> = new Map()

  constructor(options: MemoryServerOptions = {}) {
    this.clock = options.clock ?? systemClock
    this.#maxRememberedIds = options.maxRememberedIds ?? DEFAULT_MAX_REMEMBERED_IDS
    this.#alarm = new Alarm(this.clock)
  }

  /** Everything under a prefix. */
  space(prefix: string): Space {
    let space = this.#spaces.get(prefix)
    if (space === undefined) {
      space = new Space(this.clock, this.#alarm, this.#maxRememberedIds)
      this.#spaces.set(prefix, space)
    }
    return space
  }
}

/** The data under one prefix: records by namespace, queues, locks, and the jobs of fused scopes. */
export class Space {
  readonly queues: Queues
  readonly locks: LockTable
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #maxRememberedIds: number
  readonly #namespaces: Map<string, Records> = new Map()
  readonly #jobs: Map<string, JobScope> = new Map()
  #incarnation: string = randomUUID()

  constructor(clock: Clock, alarm: Alarm, maxRememberedIds: number) {
    this.#clock = clock
    this.#alarm = alarm
    this.#maxRememberedIds = maxRememberedIds
    this.queues = new Queues(clock, alarm)
    this.locks = new LockTable(clock)
  }

  /** Changes when the queues were cleared. */
  get incarnation(): string {
    return this.#incarnation
  }

  now(): number {
    return this.#clock.now()
  }

  /** The records of a namespace, to read; undefined when nothing was written to it. */
  recordsIn(namespace: string): Records | undefined {
    return this.#namespaces.get(namespace)
  }

  /** The records of a namespace, to write. */
  recordsOf(namespace: string): Records {
    let records = this.#namespaces.get(namespace)
    if (records === undefined) {
      records = new Records()
      this.#namespaces.set(namespace, records)
    }
    return records
  }

  jobsOf(scope: string): JobScope {
    let jobs = this.#jobs.get(scope)
    if (jobs === undefined) {
      jobs = new JobScope(this.#clock, this.#alarm, this.#maxRememberedIds)
      this.#jobs.set(scope, jobs)
    }
    return jobs
  }

  /** Fused jobs are kept by storage and broker together; clearing the storage clears them. */
  clearStorage(): void {
    this.#namespaces.clear()
    for (const jobs of this.#jobs.values()) jobs.clear()
  }

  clearBroker(): void {
    this.queues.clear()
    this.#incarnation = randomUUID()
  }
}
