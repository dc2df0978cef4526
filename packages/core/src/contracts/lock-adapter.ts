import type { Lifecycle } from './lifecycle.ts'

/**
 * Mutual exclusion for a time. One atomic step each, on rows or documents, never on a session. A lock only saves work: correctness
 * comes from tokens checked at the storage, because a paused owner can wake up after its lease ended.
 */
export interface ILockAdapter extends Lifecycle {
  /** True when `ownerId` now holds `key` for `ttlMs`; the live owner acquiring again renews. `ttlMs`: a positive integer, else INVALID_ARGUMENT. */
  acquire(key: string, ownerId: string, ttlMs: number): Promise<boolean>
  /** True when `ownerId` held it and now holds it for `ttlMs`; false once expired, even if nobody took the lock. */
  renew(key: string, ownerId: string, ttlMs: number): Promise<boolean>
  /** Does nothing unless `ownerId` holds it: a foreign lease is never released. */
  release(key: string, ownerId: string): Promise<void>
  /** False once expired. */
  isOwner(key: string, ownerId: string): Promise<boolean>
  /**
   * Null when another owner is live. `token` only grows per key, over releases, expiries and restarts: max(last + 1, server
   * microseconds). The live owner acquiring again renews; its token never shrinks.
   */
  acquireLease?(key: string, ownerId: string, ttlMs: number): Promise<{ readonly token: number } | null>
}

export const LOCK_REQUIRED = ['acquire', 'renew', 'release', 'isOwner'] as const
export const LOCK_OPTIONAL = ['acquireLease'] as const
