/** The locks of the model: one row a key, looked at and changed at one instant. */
import { checkName, type ILockAdapter, InvalidArgumentError } from '@sched/core/adapter'
import type { LockRow } from './rows.ts'
import { ModelAdapter } from './server.ts'

export class ModelLock extends ModelAdapter implements ILockAdapter {
  protected readonly what: string = 'the model lock'

  async acquire(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    return (await this.acquireLease(key, ownerId, ttlMs)) !== null
  }

  async acquireLease(
    key: string,
    ownerId: string,
    ttlMs: number,
  ): Promise<{ readonly token: number } | null> {
    this.check(key, ownerId)
    this.checkTtl(ttlMs)
    return await this.step(() => this.take(key, ownerId, ttlMs))
  }

  async renew(key: string, ownerId: string, ttlMs: number): Promise<boolean> {
    this.check(key, ownerId)
    this.checkTtl(ttlMs)
    return await this.step(() => {
      const row = this.row(key)
      if (row === undefined || !this.mayRenew(row, ownerId)) return false
      row.until = this.serverNow() + ttlMs
      return true
    })
  }

  async release(key: string, ownerId: string): Promise<void> {
    this.check(key, ownerId)
    await this.step(() => this.free(key, ownerId))
  }

  async isOwner(key: string, ownerId: string): Promise<boolean> {
    this.check(key, ownerId)
    return await this.step(() => {
      const row = this.row(key)
      return row !== undefined && row.owner === ownerId && this.isLive(row)
    })
  }

  protected take(key: string, ownerId: string, ttlMs: number): { readonly token: number } | null {
    const row = this.row(key)
    if (row !== undefined && this.isLive(row)) {
      if (row.owner !== ownerId) return null
      row.until = this.serverNow() + ttlMs
      return { token: row.token }
    }
    const token = this.nextToken(row)
    this.space.locks.set(this.keyOf(key), { owner: ownerId, until: this.serverNow() + ttlMs, token })
    return { token }
  }

  protected free(key: string, ownerId: string): void {
    const row = this.row(key)
    if (row === undefined || row.owner !== ownerId || !this.isLive(row)) return
    row.owner = null
    row.until = 0
  }

  protected nextToken(row: LockRow | undefined): number {
    return Math.max((row?.token ?? 0) + 1, this.serverNow() * 1000)
  }

  protected mayRenew(row: LockRow, ownerId: string): boolean {
    return row.owner === ownerId && this.isLive(row)
  }

  protected isLive(row: LockRow): boolean {
    return row.owner !== null && row.until > this.serverNow()
  }

  protected row(key: string): LockRow | undefined {
    return this.space.locks.get(this.keyOf(key))
  }

  protected keyOf(key: string): string {
    return key
  }

  protected check(key: string, ownerId: string): void {
    checkName(key, 'key')
    checkName(ownerId, 'ownerId')
  }

  protected checkTtl(ttlMs: number): void {
    if (Number.isInteger(ttlMs) && ttlMs > 0) return
    throw new InvalidArgumentError(`ttlMs must be a positive integer of milliseconds, not ${ttlMs}`)
  }
}
