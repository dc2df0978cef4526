import type { Clock } from '@sched/core/adapter'

interface Lock {
  owner: string
  /** Epoch ms; held while it is later than now. */
  until: number
  token: number
}

/** Locks by key. Tokens come from one counter for all keys, so a lock that ended can be dropped and its key's tokens still only grow. */
export class LockTable {
  readonly #clock: Clock
  readonly #locks: Map<string, Lock> = new Map()
  #lastToken = 0
  /** At this many locks the ended ones are dropped: so seldom that each acquire pays a constant share. */
  #dropAt = 64

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The token under which `owner` now holds `key`; undefined when another owner is live. */
  acquire(key: string, owner: string, ttlMs: number): number | undefined {
    const now = this.#clock.now()
    const lock = this.#locks.get(key)
    if (lock !== undefined && lock.until > now) {
      if (lock.owner !== owner) return undefined
      lock.until = now + ttlMs
      return lock.token
    }
    this.#lastToken = Math.max(this.#lastToken + 1, now * 1000)
    this.#locks.set(key, { owner, until: now + ttlMs, token: this.#lastToken })
    if (this.#locks.size >= this.#dropAt) this.#dropEnded(now)
    return this.#lastToken
  }

  renew(key: string, owner: string, ttlMs: number): boolean {
    const lock = this.#heldBy(key, owner)
    if (lock === undefined) return false
    lock.until = this.#clock.now() + ttlMs
    return true
  }

  release(key: string, owner: string): void {
    if (this.#heldBy(key, owner) !== undefined) this.#locks.delete(key)
  }

  isOwner(key: string, owner: string): boolean {
    return this.#heldBy(key, owner) !== undefined
  }

  /** Tokens go on growing. */
  clear(): void {
    this.#locks.clear()
  }

  #heldBy(key: string, owner: string): Lock | undefined {
    const lock = this.#locks.get(key)
    return lock !== undefined && lock.owner === owner && lock.until > this.#clock.now() ? lock : undefined
  }

  #dropEnded(now: number): void {
    for (const [key, lock] of this.#locks) if (lock.until <= now) this.#locks.delete(key)
    this.#dropAt = Math.max(64, this.#locks.size * 2)
  }
}
