/** Mistakes in a lock. */
import { ModelLock } from '../model/lock.ts'
import type { LockRow } from '../model/rows.ts'
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
    fails: {
      'lin/lock': 'one order of the overlapping calls that explains every answer',
      'lock/n-racers-one': 'how many of twelve racers acquire a free key',
    },
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
    fails: {
      'lock/token-and-plain': 'the token after a plain owner in between is above 1',
      'lock/token-survives-release': 'the token',
      'lock/token-survives-restart': 'the token after the restart is above 1',
    },
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
    fails: {
      'lock/token-and-plain': 'the token after a plain owner in between is above',
      'lock/token-survives-release': 'the token',
      'lock/token-survives-restart': 'the token after the restart is above',
    },
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
    fails: {
      'lin/lock': 'one order of the overlapping calls that explains every answer',
      'lock/release-foreign': 'isOwner of the owner afterwards',
      'model/lock': 'isOwner of a by x after release by z',
    },
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
    fails: {
      'lin/lock': 'an unexpected Error: leader is not locked by',
      'lock/key-escape': 'an unexpected Error: a* is not locked by owner-4',
      'lock/release-foreign': 'release by another',
      'lock/release-missing': 'release of a key nobody ever took',
      'model/lock': 'an unexpected Error: a-10 is not locked by x',
    },
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
    fails: {
      'lock/renew-expired': 'renew after the TTL',
      'model/lock': 'renew of a by x',
    },
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
    fails: {
      'lin/lock': 'one order of the overlapping calls that explains every answer',
      'lock/renew-expired': 'renew by the former owner, now that another holds it',
      'lock/renew-foreign': 'renew by another',
      'model/lock': 'renew of a by x',
    },
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
    fails: {
      'lock/end-is-set': 'isOwner after the shorter TTL (renewed)',
      'lock/renew': 'isOwner after the first TTL',
    },
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
    fails: {
      'lin/lock': 'one order of the overlapping calls that explains every answer',
      'lock/end-is-set': 'acquire again with a shorter TTL',
      'lock/reentrant-race': 'acquire by the owner',
      'lock/reentrant-renews': 'the same owner acquiring again',
      'lock/token-and-plain': 'acquireLease by the owner gives a token',
      'model/lock': 'acquire of a by y',
    },
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
    fails: {
      'lock/end-is-set': 'isOwner after the shorter TTL (again)',
      'lock/reentrant-renews': 'isOwner after the first TTL ended',
      'model/lock': 'isOwner of b by x after expire by x',
    },
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
    fails: {
      'lock/end-is-set': 'isOwner after the shorter TTL (renewed)',
      'lock/owner-expired': 'isOwner after the TTL',
      'lock/renew-expired': 'isOwner after that renew',
      'lock/renew-foreign': 'isOwner of the owner after its own TTL',
      'model/lock': 'isOwner of a by x after expire by x',
      'time/ttl-floor': 'isOwner after a TTL of',
    },
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
    fails: {
      'lock/end-is-set': 'isOwner after the shorter TTL (renewed)',
      'lock/expire-then-acquire': 'acquire by another after the TTL',
      'lock/n-racers-one': 'how many of twelve racers acquire an expired key',
      'lock/owner-expired': 'isOwner after the TTL',
      'lock/release-foreign': 'isOwner of the successor afterwards',
      'lock/renew-expired': 'renew after the TTL',
      'lock/renew-foreign': 'isOwner of the owner after its own TTL',
      'lock/token-monotonic': 'the token after the lease ended is above',
      'model/lock': 'isOwner of a by x after expire by x',
      'time/ttl-floor': 'isOwner after a TTL of',
    },
  },
  {
    mistake: 'any ttl is accepted',
    parts: lock(
      (Base) =>
        class extends Base {
          protected override checkTtl(): void {}
        },
    ),
    fails: {
      'lock/ttl-invalid': 'acquire with the TTL 0',
    },
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
    fails: {
      'lock/end-is-set': 'isOwner after the shorter TTL (again)',
      'lock/expire-then-acquire': 'acquire by another after the TTL',
      'lock/n-racers-one': 'how many of twelve racers acquire an expired key',
      'lock/owner-expired': 'isOwner after the TTL',
      'lock/release-foreign': 'isOwner of the successor afterwards',
      'lock/renew-expired': 'renew after the TTL',
      'lock/renew-foreign': 'isOwner of the owner after its own TTL',
      'lock/token-monotonic': 'the token after the lease ended is above',
      'model/lock': 'isOwner of a by x after expire by x',
      'time/ttl-floor': 'isOwner after a TTL of',
    },
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
    fails: {
      'lock/key-escape': 'acquire of the key "a:b"',
    },
  },
]
