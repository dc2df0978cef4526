import { checkName, type ILockAdapter, InvalidArgumentError, type Traits } from '@sched/core/adapter'
import type { Backend } from './backend.ts'
import { lockKey, lockLeaseKey } from './keys.ts'
import clock from './lua/clock.lua'
import acquireText from './lua/lock/acquire.lua'
import renewText from './lua/lock/renew.lua'
import { RedisAdapter } from './redis-adapter.ts'
import { REPEATABLE, type Script, script } from './scripts.ts'

const ACQUIRE: Script = script('lock acquire', [clock, acquireText], REPEATABLE)
const RENEW: Script = script('lock renew', [clock, renewText], REPEATABLE)

/** How long a row outlives its lease, for its token. Beyond that the clock, in microseconds, keeps tokens growing. */
const KEEP_MS = 86_400_000
/** How often a renewal also keeps the row: far less than it is kept. */
const KEEP_ROW_EVERY_MS = 3_600_000
/** Longer leases are as good as for ever, and overflow the server's own arithmetic. */
const LONGEST_MS = 4_000_000_000_000

/**
 * A lock is a row, with owner and token, and the owner's lease: a key that ends by its own time to live. There is a lease for the
 * owner in the row or none at all, so renewing, releasing and asking are one plain command on the own lease's key.
 */
export class RedisLock extends RedisAdapter implements ILockAdapter {
  readonly traits: Partial<Traits> = { clock: 'server', durability: 'server' }
  /** Lease key → when its row was last kept, on the monotonic clock. */
  readonly #rowKept = new Map<string, number>()

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
    this.guard()
    const { row, lease } = this.#keys(key, ownerId)
    const ttl = checkedTtl(ttlMs)
    if (this.#isRowKept(lease)) {
      const token = await this.#renewedToken(row, lease, ttl)
      if (token !== null) return { token }
    }
    const args = [ownerId, ttl, KEEP_MS, lease.slice(0, -ownerId.length)]
    const token = await this.run(ACQUIRE, [row, lease], args)
    this.#noteKept(lease, token !== null)
    return token === null ? null : { token: Number(token) }
  }

  async renew(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    this.guard()
    const { row, lease } = this.#keys(key, ownerId)
    const ttl = checkedTtl(ttlMs)
    if (this.#isRowKept(lease)) return (await this.backend.connection.read('pexpire', lease, ttl)) === 1
    const renewed = (await this.run(RENEW, [row, lease], [ttl, KEEP_MS])) === 1
    this.#noteKept(lease, renewed)
    return renewed
  }

  async release(key: string, ownerId: string): Promise<void> {
    this.guard()
    await this.backend.connection.read('unlink', this.#keys(key, ownerId).lease)
  }

  async isOwner(key: string, ownerId: string): Promise<boolean> {
    this.guard()
    return (await this.backend.connection.read('exists', this.#keys(key, ownerId).lease)) === 1
  }

  /** As the leader does at every renewal: two plain commands, sent together. Null when the lease had ended. */
  async #renewedToken(row: string, lease: string, ttl: number): Promise<number | null> {
    const { connection } = this.backend
    const [renewed, token] = await Promise.all([
      connection.read('pexpire', lease, ttl),
      connection.read('hget', row, 'token'),
    ])
    return renewed === 1 && typeof token === 'string' ? Number(token) : null
  }

  #isRowKept(lease: string): boolean {
    const keptAt = this.#rowKept.get(lease)
    return keptAt !== undefined && performance.now() - keptAt < KEEP_ROW_EVERY_MS
  }

  #noteKept(lease: string, kept: boolean): void {
    this.#rowKept.delete(lease)
    if (!kept) return
    // few locks are renewed at a time; a note that is lost costs one longer renewal
    if (this.#rowKept.size >= 1_000) this.#rowKept.clear()
    this.#rowKept.set(lease, performance.now())
  }

  #keys(key: string, ownerId: string): { readonly row: string; readonly lease: string } {
    checkName(key, 'key')
    checkName(ownerId, 'ownerId')
    const { prefix } = this.backend.settings
    return { row: lockKey(prefix, key), lease: lockLeaseKey(prefix, key, ownerId) }
  }
}

function checkedTtl(ttlMs: number): number {
  if (Number.isSafeInteger(ttlMs) && ttlMs > 0) return Math.min(ttlMs, LONGEST_MS)
  throw new InvalidArgumentError(`ttlMs must be a positive integer of milliseconds, not ${ttlMs}`)
}
