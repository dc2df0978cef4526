import { checkName, type ILockAdapter } from '@sched/core/adapter'
import { type Connection, notWritten } from './connection.ts'

/** One owner a key, for a time. Each method is one atomic step on the server, which decides by its own clock. */
export class MyLock implements ILockAdapter {
  readonly traits = { clock: 'process', durability: 'process' } as const
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  ready(): Promise<void> {
    return this.#connection.ready()
  }

  ping(): Promise<void> {
    return this.#connection.ping()
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  /** True when the key was free, expired, or this owner's already; then it is its for `ttlMs` (a positive integer, else INVALID_ARGUMENT). */
  async acquire(key: string, ownerId: string, _ttlMs: number): Promise<boolean> {
    this.#connection.guard()
    checkName(key, 'key')
    checkName(ownerId, 'ownerId')
    throw notWritten('acquire')
  }

  /** True when this owner still holds it; false once expired, even if nobody took it. */
  async renew(_key: string, _ownerId: string, _ttlMs: number): Promise<boolean> {
    throw notWritten('renew')
  }

  /** Does nothing unless this owner holds it: never release a foreign lease. */
  async release(_key: string, _ownerId: string): Promise<void> {
    throw notWritten('release')
  }

  async isOwner(_key: string, _ownerId: string): Promise<boolean> {
    throw notWritten('isOwner')
  }

  // Next, for the Fenced tier: acquireLease, whose token only grows.
}
