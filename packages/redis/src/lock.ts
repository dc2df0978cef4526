import { checkName, type ILockAdapter, InvalidArgumentError, type Traits } from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { lockKey } from './keys.ts'
import clock from './lua/clock.lua'
import acquireText from './lua/lock/acquire.lua'
import isOwnerText from './lua/lock/is-owner.lua'
import releaseText from './lua/lock/release.lua'
import renewText from './lua/lock/renew.lua'
import { RedisAdapter } from './redis-adapter.ts'
import { REPEATABLE, type Script, script } from './scripts.ts'

const ACQUIRE: Script = script('lock acquire', [clock, acquireText], REPEATABLE)
const RENEW: Script = script('lock renew', [clock, renewText], REPEATABLE)
const RELEASE: Script = script('lock release', [clock, releaseText], REPEATABLE)
const IS_OWNER: Script = script('lock isOwner', [clock, isOwnerText], REPEATABLE)

/** How long a row outlives its lease, for its token. Beyond that the clock, in microseconds, keeps tokens growing. */
const KEEP_MS = 86_400_000

/** One hash a lock: owner, end, token. Locks of different keys lie on different cluster nodes. */
export class RedisLock extends RedisAdapter implements ILockAdapter {
  readonly traits: Partial<Traits> = { clock: 'server', durability: 'server' }

  constructor(backend: Backend) {
    super(backend, 'the Redis lock')
  }

  async acquire(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    return (await this.acquireLease(key, ownerId, ttlMs)) !== null
  }

  async acquireLease(
    key: string,
    ownerId: string,
    ttlMs: number,
  ): Promise<{ readonly token: number } | null> {
    checkLock(key, ownerId)
    checkTtl(ttlMs)
    const token = await this.run(ACQUIRE, this.#key(key), [ownerId, ttlMs, KEEP_MS])
    return token === null ? null : { token: Number(token) }
  }

  async renew(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    checkLock(key, ownerId)
    checkTtl(ttlMs)
    return (await this.run(RENEW, this.#key(key), [ownerId, ttlMs, KEEP_MS])) === 1
  }

  async release(key: string, ownerId: string): Promise<void> {
    checkLock(key, ownerId)
    await this.run(RELEASE, this.#key(key), [ownerId])
  }

  async isOwner(key: string, ownerId: string): Promise<boolean> {
    checkLock(key, ownerId)
    return (await this.run(IS_OWNER, this.#key(key), [ownerId])) === 1
  }

  #key(key: string): string {
    return lockKey(this.backend.settings.prefix, key)
  }
}

function checkLock(key: string, ownerId: string): void {
  checkName(key, 'key')
  checkName(ownerId, 'ownerId')
}

function checkTtl(ttlMs: number): void {
  if (Number.isSafeInteger(ttlMs) && ttlMs > 0) return
  throw new InvalidArgumentError(`ttlMs must be a positive integer of milliseconds, not ${ttlMs}`)
}
