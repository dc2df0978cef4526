import type { Backend as CoreBackend, FuseParts, JobStore } from '@sched/core/adapter'
import { checkServer } from './checks.ts'
import { MongoConnection } from './connection.ts'
import { createIndexes } from './indexes.ts'
import { resetJobs } from './job-reset.ts'
import { type MongoAdapterOptions, type MongoSource, type Settings, settingsOf } from './options.ts'
import { resetPrefix } from './reset.ts'
import { Wakes } from './wakes.ts'

/** Makes the fused store of one scope. */
export type MakeJobStore = (backend: Backend, scope: string) => JobStore

/** What shares a connection: it is made ready once, and ends when the last adapter on it has closed. */
export class Backend implements CoreBackend {
  readonly settings: Settings
  readonly connection: MongoConnection
  readonly wakes: Wakes
  readonly #makeJobStore: MakeJobStore | undefined
  readonly #attached = new Set<object>()
  #ready: Promise<void> | undefined
  #isReady = false
  #reset = false

  constructor(source: MongoSource, options: MongoAdapterOptions, makeJobStore?: MakeJobStore) {
    this.settings = settingsOf(source, options)
    this.connection = new MongoConnection(source, this.settings)
    this.wakes = new Wakes(this.connection)
    this.#makeJobStore = makeJobStore
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Checks the server, creates indexes, and resets the prefix where that was asked for. A failure is not kept: the next call tries again. */
  ready(): Promise<void> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined
      throw error
    })
    return this.#ready
  }

  attach(adapter: object): void {
    this.#attached.add(adapter)
  }

  async detach(adapter: object): Promise<void> {
    this.#attached.delete(adapter)
    if (this.#attached.size > 0) return
    await this.wakes.close()
    await this.connection.close()
  }

  fuse({ scope, storage, broker }: FuseParts): JobStore | undefined {
    if (!this.#attached.has(storage) || !this.#attached.has(broker)) return undefined
    return this.#makeJobStore?.(this, scope)
  }

  async #prepare(): Promise<void> {
    await checkServer(this.connection)
    await Promise.all([createIndexes(this.connection), this.wakes.ready()])
    if (this.settings.resetOnInit && !this.#reset) {
      await resetPrefix(this.connection)
      await resetJobs(this.connection)
      this.#reset = true
    }
    this.#isReady = true
  }
}
