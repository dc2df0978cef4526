import type { IStorageEngine } from '../contracts/storage-engine.ts'
import { declaredBy } from './declared-methods.ts'
import { type NamePrefix, namePrefix } from './name-prefix.ts'

/**
 * `inner` seen through one scope: every namespace becomes `scope:namespace`, ids stay as they are. Declares exactly the optional
 * methods `inner` has; `ready`, `ping` and `close` are the inner ones, taken as done where it has none.
 */
export function namespacedStorage(inner: IStorageEngine, scope: string): IStorageEngine {
  return wrap(inner, namePrefix(scope))
}

function wrap(inner: IStorageEngine, prefix: NamePrefix): IStorageEngine {
  const scoped = (namespace: string): string => prefix.add(namespace, 'namespace')
  return {
    ready: async () => inner.ready?.(),
    ping: async () => inner.ping?.(),
    close: async () => inner.close?.(),
    get traits() {
      return inner.traits ?? {}
    },
    save: async (namespace, id, value) => inner.save(scoped(namespace), id, value),
    get: async (namespace, id) => inner.get(scoped(namespace), id),
    list: async (namespace, filter, options) => inner.list(scoped(namespace), filter, options),
    delete: async (namespace, id) => inner.delete(scoped(namespace), id),
    prune: async (namespace, beforeMs) => inner.prune(scoped(namespace), beforeMs),
    count: async (namespace, filter) => inner.count(scoped(namespace), filter),
    ...declaredBy<IStorageEngine>(inner, {
      page: async (namespace, filter, options) => inner.page!(scoped(namespace), filter, options),
      compareAndSet: async (namespace, id, expectedRev, value) =>
        inner.compareAndSet!(scoped(namespace), id, expectedRev, value),
      compareAndSetMany: async (namespace, items) => inner.compareAndSetMany!(scoped(namespace), items),
      patchMany: async (namespace, items, options) => inner.patchMany!(scoped(namespace), items, options),
      getMany: async (namespace, ids) => inner.getMany!(scoped(namespace), ids),
      saveMany: async (namespace, records) => inner.saveMany!(scoped(namespace), records),
      deleteMany: async (namespace, ids) => inner.deleteMany!(scoped(namespace), ids),
      now: async () => inner.now!(),
      index: async (namespace, fields) => inner.index!(scoped(namespace), fields),
      within: (transaction) => wrap(inner.within!(transaction), prefix),
    }),
  }
}
