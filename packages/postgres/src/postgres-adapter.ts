import { ClosedError, type Lifecycle } from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import type { Parameter, Row, Statement } from './database.ts'

/** The life that storage, broker, lock and job store share: each can be closed alone; the last to close ends the pool. */
export abstract class PostgresAdapter implements Lifecycle {
  protected readonly backend: Backend
  readonly #what: string
  #closed = false

  /** `shares`: whether it keeps the pool open until it is closed. */
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
    await this.run({ name: 'ping', sql: 'select 1', repeatable: true }, [])
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.backend.detach(this)
  }

  protected get closed(): boolean {
    return this.#closed
  }

  protected get prefix(): string {
    return this.backend.settings.prefix
  }

  protected guard(): void {
    if (this.#closed) throw new ClosedError(this.#what)
  }

  protected async run(statement: Statement, parameters: readonly Parameter[]): Promise<readonly Row[]> {
    this.guard()
    return await this.backend.database.run(statement, parameters)
  }
}
