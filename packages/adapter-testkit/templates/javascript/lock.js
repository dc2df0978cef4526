import { checkName } from '@sched/core/adapter'
import { notWritten } from './connection.js'

/**
 * One owner a key, for a time. Each method is one atomic step on the server, which decides by its own clock.
 * @implements {import('@sched/core/adapter').ILockAdapter}
 */
export class MyLock {
  traits = { clock: 'process', durability: 'process' }
  #connection

  constructor(connection) {
    this.#connection = connection
  }

  ready() {
    return this.#connection.ready()
  }

  ping() {
    return this.#connection.ping()
  }

  close() {
    return this.#connection.close()
  }

  /** True when the key was free, expired, or this owner's already; then it is its for `ttlMs` (a positive integer, else INVALID_ARGUMENT). */
  async acquire(key, ownerId, _ttlMs) {
    this.#connection.guard()
    checkName(key, 'key')
    checkName(ownerId, 'ownerId')
    throw notWritten('acquire')
  }

  /** True when this owner still holds it; false once expired, even if nobody took it. */
  async renew(_key, _ownerId, _ttlMs) {
    throw notWritten('renew')
  }

  /** Does nothing unless this owner holds it: never release a foreign lease. */
  async release(_key, _ownerId) {
    throw notWritten('release')
  }

  async isOwner(_key, _ownerId) {
    throw notWritten('isOwner')
  }

  // Next, for the Fenced tier: acquireLease, whose token only grows.
}
