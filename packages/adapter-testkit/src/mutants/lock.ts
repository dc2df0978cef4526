/** Mistakes in a lock. */
import { type LockRow, ModelLock } from '../model/lock.ts'
import type { Mutant } from './mutant.ts'

function lock(make: (base: typeof ModelLock) => typeof ModelLock): Mutant['parts'] {
  const Broken = make(ModelLock)
  return { lock: (node) => new Broken(node) }
}

export const lockMutants: readonly Mutant[] = [
  {
    mistake: 'two-step lock acquire',
    parts: lock(
      (Base) =>
        class extends Base {
          override async acquireLease(
            key: string,
            owner: string,
            ttlMs: number,
          ): Promise<{ readonly token: number } | null> {
            this.check(key, owner)
            this.checkTtl(ttlMs)
            const free = await this.step(() => {
              const row = this.row(key)
              return row === undefined || !this.isLive(row) || row.owner === owner
            })
            if (!free) return null
            return await this.step(() => {
              const row = this.row(key)
              if (row !== undefined && row.owner !== owner) row.until = 0
              return this.take(key, owner, ttlMs)
            })
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'token restarts after release',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override free(key: string, owner: string): void {
            const row = this.row(key)
            super.free(key, owner)
            if (row?.owner === null) this.space.locks.delete(this.keyOf(key))
          }
          protected override nextToken(row: LockRow | undefined): number {
            return (row?.token ?? 0) + 1
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'the token is the milliseconds of the clock',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override nextToken(): number {
            return this.serverNow()
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'release takes the lock from whoever has it',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override free(key: string, _owner: string): void {
            const row = this.row(key)
            if (row !== undefined) row.owner = null
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'releasing what one does not hold is an error',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override free(key: string, owner: string): void {
            if (this.row(key)?.owner !== owner) throw new Error(`${key} is not locked by ${owner}`)
            super.free(key, owner)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'renew revives an expired lease',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override mayRenew(row: LockRow, owner: string): boolean {
            return row.owner === owner
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'anybody may renew',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override mayRenew(row: LockRow): boolean {
            return this.isLive(row)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'renew does not move the end',
    parts: lock(
      (Base) =>
        class extends Base {
          override async renew(key: string, owner: string, ttlMs: number): Promise<boolean> {
            this.check(key, owner)
            this.checkTtl(ttlMs)
            return await this.isOwner(key, owner)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'the live owner cannot acquire again',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override take(
            key: string,
            owner: string,
            ttlMs: number,
          ): { readonly token: number } | null {
            const row = this.row(key)
            return row !== undefined && this.isLive(row) ? null : super.take(key, owner, ttlMs)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'the live owner acquiring again does not renew',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override take(
            key: string,
            owner: string,
            ttlMs: number,
          ): { readonly token: number } | null {
            const row = this.row(key)
            if (row !== undefined && this.isLive(row) && row.owner === owner) return { token: row.token }
            return super.take(key, owner, ttlMs)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'an expired owner still counts',
    parts: lock(
      (Base) =>
        class extends Base {
          override async isOwner(key: string, owner: string): Promise<boolean> {
            this.check(key, owner)
            return await this.step(() => this.row(key)?.owner === owner)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'a lock never expires',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override isLive(row: LockRow): boolean {
            return row.owner !== null
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'any ttl is accepted',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override checkTtl(): void {}
        },
    ),
    fails: {},
  },
  {
    mistake: 'TTLs are rounded up to seconds',
    parts: lock(
      (Base) =>
        class extends Base {
          override async acquireLease(
            key: string,
            owner: string,
            ttlMs: number,
          ): Promise<{ readonly token: number } | null> {
            this.checkTtl(ttlMs)
            return await super.acquireLease(key, owner, Math.ceil(ttlMs / 1000) * 1000)
          }
        },
    ),
    fails: {},
  },
  {
    mistake: 'the part of a key before its last colon is dropped',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override keyOf(key: string): string {
            return key.split(':').at(-1) ?? key
          }
        },
    ),
    fails: {},
  },
]
