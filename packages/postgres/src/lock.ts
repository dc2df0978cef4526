import { checkName, type ILockAdapter, InvalidArgumentError, type Traits } from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { PostgresAdapter } from './postgres-adapter.ts'
import { LOCK } from './statements.ts'

/** One row a lock: owner, end, token. No session locks, which a pooler would leak. */
export class PostgresLock extends PostgresAdapter implements ILockAdapter {
  readonly traits: Partial<Traits> = { clock: 'server', durability: 'server' }

  constructor(backend: Backend) {
    super(backend, 'the PostgreSQL lock')
  }

  async acquire(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    return (await this.acquireLease(key, ownerId, ttlMs)) !== null
  }

  async acquireLease(
    key: string,
    ownerId: string,
    ttlMs: number,
  ): Promise<{ readonly token: number } | null> {
    this.#check(key, ownerId)
    checkTtl(ttlMs)
    const [row] = await this.run(LOCK.acquire, [this.prefix, key, ownerId, ttlMs])
    return row === undefined ? null : { token: Number(row[0]) }
  }

  async renew(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    this.#check(key, ownerId)
    checkTtl(ttlMs)
    return (await this.run(LOCK.renew, [this.prefix, key, ownerId, ttlMs])).length > 0
  }

  async release(key: string, ownerId: string): Promise<void> {
    this.#check(key, ownerId)
    await this.run(LOCK.release, [this.prefix, key, ownerId])
  }

  async isOwner(key: string, ownerId: string): Promise<boolean> {
    this.#check(key, ownerId)
    return (await this.run(LOCK.isOwner, [this.prefix, key, ownerId])).length > 0
  }

  #check(key: string, ownerId: string): void {
    this.guard()
    checkName(key, 'key')
    checkName(ownerId, 'ownerId')
  }
}

function checkTtl(ttlMs: number): void {
  if (Number.isSafeInteger(ttlMs) && ttlMs > 0) return
  throw new InvalidArgumentError(`ttlMs must be a positive integer of milliseconds, not ${ttlMs}`)
}
