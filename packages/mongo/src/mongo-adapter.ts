import { BACKEND, ClosedError, type HasBackend, type Lifecycle, type Traits } from '@sched/core/adapter'
import type { Backend } from './backend.ts'

/** The life that storage, broker, lock and job store share: each can be closed alone; the last to close ends the connection. */
export abstract class MongoAdapter implements Lifecycle {
  protected readonly backend: Backend
  readonly #what: string
  #closed = false

  /** `shares`: whether it keeps the connection open until it is closed. */
  constructor(backend: Backend, what: string, shares = true) {
    this.backend = backend
    this.#what = what
    if (shares) backend.attach(this)
  }

  async ready(): Promise<void> {
    this.guard()
    await this.backend.ready()
    this.guard()
  }

  async ping(): Promise<void> {
    this.guard()
    await this.backend.connection.command('ping', { ping: 1 })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.backend.detach(this)
  }

  protected get closed(): boolean {
    return this.#closed
  }

  protected guard(): void {
    if (this.#closed) throw new ClosedError(this.#what)
  }
}

/** What an acknowledged write survives; the weaker answer until `ready()` has seen what kind of server it is. */
export function durabilityOf({ settings, connection }: Backend): Traits['durability'] {
  return connection.isReplicated && settings.writeConcern !== 1 ? 'replicated' : 'server'
}

/** The adapter with its backend, by which core finds what may fuse. */
export function withBackend<T extends object>(adapter: T, backend: Backend): T & HasBackend {
  return Object.defineProperty(adapter, BACKEND, { value: backend })
}
