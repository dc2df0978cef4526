import type { ILockAdapter } from '../contracts/lock-adapter.ts'
import { declaredBy } from './declared-methods.ts'
import { namePrefix } from './name-prefix.ts'

/**
 * `inner` seen through one scope: every key becomes `scope:key`, owners stay as they are. Declares exactly the optional methods `inner`
 * has; `ready`, `ping` and `close` are the inner ones, taken as done where it has none.
 */
export function namespacedLock(inner: ILockAdapter, scope: string): ILockAdapter {
  const prefix = namePrefix(scope)
  const scoped = (key: string): string => prefix.add(key, 'lock key')
  return {
    ready: async () => inner.ready?.(),
    ping: async () => inner.ping?.(),
    close: async () => inner.close?.(),
    get traits() {
      return inner.traits ?? {}
    },
    acquire: async (key, ownerId, ttlMs) => inner.acquire(scoped(key), ownerId, ttlMs),
    renew: async (key, ownerId, ttlMs) => inner.renew(scoped(key), ownerId, ttlMs),
    release: async (key, ownerId) => inner.release(scoped(key), ownerId),
    isOwner: async (key, ownerId) => inner.isOwner(scoped(key), ownerId),
    ...declaredBy<ILockAdapter>(inner, {
      acquireLease: async (key, ownerId, ttlMs) => inner.acquireLease!(scoped(key), ownerId, ttlMs),
    }),
  }
}
