/**
 * A world in which time runs several times as fast, over servers on which it does not: what core waits for in seconds comes in fractions
 * of them. Durations that go to the servers shrink, instants and durations that come from them grow, and core's clock runs quicker.
 */
import {
  type Clock,
  type IBrokerEngine,
  type ILockAdapter,
  type IStorageEngine,
  type Lease,
  systemClock,
} from '@sched/core/adapter'

export interface Pace {
  readonly clock: Clock
  storage(inner: IStorageEngine): IStorageEngine
  broker(inner: IBrokerEngine): IBrokerEngine
  lock(inner: ILockAdapter): ILockAdapter
}

/** Time as it is, on `clock`. */
export function ownPace(clock: Clock): Pace {
  return { clock, storage: (inner) => inner, broker: (inner) => inner, lock: (inner) => inner }
}

/** `factor` times as fast, from now on. */
export function quickPace(factor: number): Pace {
  const start = Date.now()
  const instant = (ms: number): number => start + (ms - start) * factor
  const lease = (ms: number): number => Math.max(1, Math.round(ms / factor))
  const delay = (ms: number | undefined): number => Math.ceil((ms ?? 0) / factor)
  return {
    clock: {
      now: () => instant(Date.now()),
      monotonic: () => systemClock.monotonic() * factor,
      after: (ms, fn) => systemClock.after(ms / factor, fn),
    },
    storage: (inner) =>
      replace<IStorageEngine>(inner, {
        now: async () => instant(await inner.now!()),
      }),
    broker: (inner) =>
      replace<IBrokerEngine>(inner, {
        publish: async (name, id, delayMs, priority) =>
          inner.publish(name, id, delayMs === undefined ? undefined : delay(delayMs), priority),
        publishMany: async (name, items) =>
          inner.publishMany!(
            name,
            items.map((item) => ({ ...item, delayMs: delay(item.delayMs) })),
          ),
        claim: async (name, consumer, limit, ms, strategy) =>
          inner.claim(name, consumer, limit, lease(ms), strategy),
        claimLeases: async (name, consumer, limit, ms, options): Promise<Lease[]> =>
          inner.claimLeases!(name, consumer, limit, lease(ms), options),
        extendLock: async (id, consumer, ms, name, receipt) =>
          inner.extendLock(id, consumer, lease(ms), name, receipt),
        extendMany: async (name, consumer, ms, items) => inner.extendMany!(name, consumer, lease(ms), items),
        nack: async (name, id, delayMs, receipt) => inner.nack(name, id, delay(delayMs), receipt),
        nackMany: async (name, items) =>
          inner.nackMany!(
            name,
            items.map((item) => ({ ...item, delayMs: delay(item.delayMs) })),
          ),
        nextDueIn: async (name) => {
          const due = await inner.nextDueIn!(name)
          return due === null ? null : due * factor
        },
      }),
    lock: (inner) =>
      replace<ILockAdapter>(inner, {
        acquire: async (key, owner, ms) => inner.acquire(key, owner, lease(ms)),
        renew: async (key, owner, ms) => inner.renew(key, owner, lease(ms)),
      }),
  }
}

/** `inner` with some of its methods replaced; what it does not have it still does not have. */
function replace<T extends object>(inner: T, methods: Partial<T>): T {
  return new Proxy(inner, {
    get(object, key) {
      const value: unknown = Reflect.get(object, key, object)
      if (typeof value !== 'function') return value
      return Reflect.get(methods, key) ?? value.bind(object)
    },
  })
}
