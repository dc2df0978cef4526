/** The shapes a case runs over: the bare adapters, core's namespace isolation, and the two kinds of job store. */
import {
  BACKEND,
  type Clock,
  type HasBackend,
  type JobStore,
  namespacedBroker,
  namespacedLock,
  namespacedStorage,
  openJobStore,
  StorageScheduleStore,
  scopeOf,
  UnsupportedError,
} from '@sched/core/adapter'
import type { Adapters } from './capabilities.ts'
import type { Area, Case, Variant } from './case.ts'

/** Areas that are about single adapters: core's wrapping must change nothing. */
const WRAPPED: readonly Area[] = ['storage', 'broker', 'lock', 'schedule-store', 'model', 'race']

export function variantsOf(one: Case): readonly Variant[] {
  if (one.needs.includes('jobStore')) return ['composed', 'fused']
  return WRAPPED.includes(one.area) ? ['bare', 'namespaced'] : ['bare']
}

/** With the characters that scopes escape, so that the escaping is tried too. */
const SCOPE = scopeOf({ product: 'testkit', project: 'a:b%', environment: 'te*st' })

/** The adapters as a case of this variant sees them. A part that has no such shape is left out. */
export function shape(adapters: Adapters, variant: Variant, clock: Clock): Adapters {
  switch (variant) {
    case 'bare':
      return { ...adapters, ...schedules(adapters, clock) }
    case 'namespaced': {
      const wrapped = namespaced(adapters)
      return adapters.scheduleStore ? wrapped : { ...wrapped, ...schedules(wrapped, clock) }
    }
    case 'composed':
      return { ...namespaced(adapters), ...withStore(composed(adapters, clock)) }
    case 'fused':
      return { ...namespaced(adapters), ...withStore(fusedStore(adapters)) }
  }
}

function namespaced({ storage, broker, lock }: Adapters): Adapters {
  return {
    ...(storage && { storage: namespacedStorage(storage, SCOPE) }),
    ...(broker && { broker: namespacedBroker(broker, SCOPE) }),
    ...(lock && { lock: namespacedLock(lock, SCOPE) }),
  }
}

/** The target's own schedule store, else core's. */
function schedules({ storage, scheduleStore }: Adapters, clock: Clock): Adapters {
  if (scheduleStore) return { scheduleStore }
  return storage ? { scheduleStore: new StorageScheduleStore(storage, { now: () => clock.now() }) } : {}
}

function withStore(jobStore: JobStore | undefined): Adapters {
  return jobStore ? { jobStore } : {}
}

function composed({ storage, broker, lock }: Adapters, clock: Clock): JobStore | undefined {
  if (!storage || !broker || !lock) return undefined
  try {
    const opened = openJobStore({ adapters: { storage, broker, lock }, scope: SCOPE, clock, fuse: false })
    return withLife(opened.store, {
      ready: () => opened.ready(),
      close: async () => await opened.store.close?.(),
    })
  } catch (error) {
    if (error instanceof UnsupportedError) return undefined
    throw error
  }
}

/** The target's own, or what the shared backend of storage and broker fuses. */
export function fusedStore(adapters: Adapters): JobStore | undefined {
  if (adapters.jobStore) return adapters.jobStore
  const { storage, broker } = adapters as {
    storage?: Adapters['storage'] & HasBackend
    broker?: Adapters['broker'] & HasBackend
  }
  const backend = storage?.[BACKEND]
  if (!storage || !broker || !backend || backend !== broker[BACKEND]) return undefined
  return backend.fuse({ scope: SCOPE, storage, broker })
}

/** The store with another ready and close: its adapters are the target's to close. */
function withLife(store: JobStore, life: Required<Pick<JobStore, 'ready' | 'close'>>): JobStore {
  return new Proxy(store, {
    get(inner, key) {
      if (key === 'ready' || key === 'close') return life[key]
      const value: unknown = Reflect.get(inner, key, inner)
      return typeof value === 'function' ? value.bind(inner) : value
    },
  })
}
