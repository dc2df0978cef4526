import { checkName, type ILockAdapter, type Traits } from '@sched/core/adapter'
import { checkLease } from './arguments.ts'
import type { LockTable } from './lock-table.ts'
import { NodePart } from './node-part.ts'
import type { Space } from './server.ts'

/** {@link ILockAdapter} over one prefix of a memory server. */
export class MemoryLock extends NodePart implements ILockAdapter {
  readonly traits: Partial<Traits> = { clock: 'server', durability: 'process' }
  readonly #space: Space

  constructor(space: Space, resetOnInit: boolean) {
    super('the memory lock', resetOnInit ? () => space.locks.clear() : undefined)
    this.#space = space
  }

  async acquire(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    return (await this.acquireLease(key, ownerId, ttlMs)) !== null
  }

  async acquireLease(
    key: string,
    ownerId: string,
    ttlMs: number,
  ): Promise<{ readonly token: number } | null> {
    const locks = this.#checked(key, ownerId)
    checkLease(ttlMs, 'ttlMs')
    const token = locks.acquire(key, ownerId, ttlMs)
    return token === undefined ? null : { token }
  }

  async renew(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    const locks = this.#checked(key, ownerId)
    checkLease(ttlMs, 'ttlMs')
    return locks.renew(key, ownerId, ttlMs)
  }

  async release(key: string, ownerId: string): Promise<void> {
    this.#checked(key, ownerId).release(key, ownerId)
  }

  async isOwner(key: string, ownerId: string): Promise<boolean> {
    return this.#checked(key, ownerId).isOwner(key, ownerId)
  }

  #checked(key: string, ownerId: string): LockTable {
    this.assertOpen()
    checkName(key, 'key')
    checkName(ownerId, 'ownerId')
    return this.#space.locks
  }
}
