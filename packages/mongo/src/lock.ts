import { checkName, type ILockAdapter, InvalidArgumentError, type Traits } from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { keyUnder } from './collections.ts'
import { acquireLock } from './commands/lock-acquire.ts'
import { ownsLock } from './commands/lock-is-owner.ts'
import { releaseLock } from './commands/lock-release.ts'
import { renewLock } from './commands/lock-renew.ts'
import { durabilityOf, MongoAdapter } from './mongo-adapter.ts'

/** Longer leases are as good as for ever, and leave the range of the server's dates. */
const LONGEST_MS = 4_000_000_000_000

/** One document a lock: owner, end, token. Every step is one command on it, decided by the server's clock. */
export class MongoLock extends MongoAdapter implements ILockAdapter {
  constructor(backend: Backend) {
    super(backend, 'the MongoDB lock')
  }

  get traits(): Partial<Traits> {
    return { clock: 'server', durability: durabilityOf(this.backend) }
  }

  async acquire(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    return (await this.acquireLease(key, ownerId, ttlMs)) !== null
  }

  async acquireLease(
    key: string,
    ownerId: string,
    ttlMs: number,
  ): Promise<{ readonly token: number } | null> {
    const id = this.#idOf(key, ownerId)
    return await acquireLock(this.backend.connection, id, ownerId, checkedTtl(ttlMs))
  }

  async renew(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    const id = this.#idOf(key, ownerId)
    return await renewLock(this.backend.connection, id, ownerId, checkedTtl(ttlMs))
  }

  async release(key: string, ownerId: string): Promise<void> {
    await releaseLock(this.backend.connection, this.#idOf(key, ownerId), ownerId)
  }

  async isOwner(key: string, ownerId: string): Promise<boolean> {
    return await ownsLock(this.backend.connection, this.#idOf(key, ownerId), ownerId)
  }

  #idOf(key: string, ownerId: string): string {
    this.guard()
    checkName(key, 'key')
    checkName(ownerId, 'ownerId')
    return keyUnder(this.backend.settings.prefix, key)
  }
}

function checkedTtl(ttlMs: number): number {
  if (Number.isSafeInteger(ttlMs) && ttlMs > 0) return Math.min(ttlMs, LONGEST_MS)
  throw new InvalidArgumentError(`ttlMs must be a positive integer of milliseconds, not ${ttlMs}`)
}
