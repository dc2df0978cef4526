import type { Backend as CoreBackend, FuseParts, JobStore } from '@sched/core/adapter'
import { checkServer } from './checks.ts'
import { type Client, clientFactory } from './client.ts'
import { Connection } from './connection.ts'
import { type RedisAdapterOptions, type RedisSource, type Settings, settingsOf } from './options.ts'
import { resetPrefix } from './reset.ts'

/** What shares a server connection: it is made ready once, and ends when the last adapter on it has closed. */
export class Backend implements CoreBackend {
  readonly settings: Settings
  readonly connection: Connection
  readonly #open: () => Client
  readonly #attached = new Set<object>()
  #ready: Promise<void> | undefined

  constructor(source: RedisSource, options: RedisAdapterOptions = {}) {
    this.settings = settingsOf(source, options)
    const { deadlineMs } = this.settings
    this.#open = clientFactory(source, deadlineMs)
    this.connection = new Connection({ open: this.#open, deadlineMs, what: 'redis' })
  }

  /** A further connection, for a call that blocks. */
  openClient(): Client {
    return this.#open()
  }

  /** Checks the server, and resets the prefix where that was asked for. A failure is not kept: the next call tries again. */
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

  detach(adapter: object): void {
    this.#attached.delete(adapter)
    if (this.#attached.size === 0) this.connection.close()
  }

  fuse(_parts: FuseParts): JobStore | undefined {
    return undefined
  }

  async #prepare(): Promise<void> {
    await checkServer(this.connection, this.settings)
    if (this.settings.resetOnInit) await resetPrefix(this.connection, this.settings.prefix)
  }
}
