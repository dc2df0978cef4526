import { BACKEND, ClosedError, type HasBackend, type Lifecycle } from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import type { Argument } from './bare-command.ts'
import type { Script } from './scripts.ts'

/** The life that storage, broker, lock and job store share: each can be closed alone; the last to close ends the connections. */
export abstract class RedisAdapter implements Lifecycle {
  protected readonly backend: Backend
  readonly #what: string
  #closed = false

  /** `shares`: whether it keeps the connections open until it is closed. */
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
    await this.backend.connection.read('ping')
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.backend.detach(this)
  }

  protected get closed(): boolean {
    return this.#closed
  }

  protected guard(): void {
    if (this.#closed) throw new ClosedError(this.#what)
  }

  protected run(
    script: Script,
    keys: string | readonly string[],
    args: readonly Argument[],
    again?: (args: readonly Argument[]) => readonly Argument[],
  ): Promise<unknown> {
    this.guard()
    return this.backend.connection.run(script, keys, args, again)
  }
}

/** The adapter with its backend, by which core finds what may fuse. */
export function withBackend<T extends object>(adapter: T, backend: Backend): T & HasBackend {
  return Object.defineProperty(adapter, BACKEND, { value: backend })
}
