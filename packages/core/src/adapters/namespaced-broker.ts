import type { IBrokerEngine } from '../contracts/broker-engine.ts'
import { declaredBy } from './declared-methods.ts'
import { namePrefix } from './name-prefix.ts'

/**
 * `inner` seen through one scope: every queue becomes `scope:name`, ids stay as they are, and wakes come without the scope. Declares
 * exactly the optional methods `inner` has; `ready`, `ping` and `close` are the inner ones, taken as done where it has none.
 */
export function namespacedBroker(inner: IBrokerEngine, scope: string): IBrokerEngine {
  const prefix = namePrefix(scope)
  const scoped = (name: string): string => prefix.add(name, 'queue name')
  return {
    ready: async () => inner.ready?.(),
    ping: async () => inner.ping?.(),
    close: async () => inner.close?.(),
    get traits() {
      return inner.traits ?? {}
    },
    publish: async (name, id, delayMs, priority) => inner.publish(scoped(name), id, delayMs, priority),
    claim: async (name, consumerId, limit, leaseMs, strategy) =>
      inner.claim(scoped(name), consumerId, limit, leaseMs, strategy),
    extendLock: async (id, consumerId, leaseMs, name, receipt) =>
      inner.extendLock(id, consumerId, leaseMs, name === undefined ? undefined : scoped(name), receipt),
    ack: async (name, id, receipt) => inner.ack(scoped(name), id, receipt),
    nack: async (name, id, delayMs, receipt) => inner.nack(scoped(name), id, delayMs, receipt),
    pause: async (name) => inner.pause(scoped(name)),
    resume: async (name) => inner.resume(scoped(name)),
    ...declaredBy<IBrokerEngine>(inner, {
      claimBlocking: async (name, consumerId, leaseMs, timeoutMs, strategy, signal) =>
        inner.claimBlocking!(scoped(name), consumerId, leaseMs, timeoutMs, strategy, signal),
      claimLeases: async (name, consumerId, limit, leaseMs, options) =>
        inner.claimLeases!(scoped(name), consumerId, limit, leaseMs, options),
      publishMany: async (name, items) => inner.publishMany!(scoped(name), items),
      ackMany: async (name, items) => inner.ackMany!(scoped(name), items),
      nackMany: async (name, items) => inner.nackMany!(scoped(name), items),
      extendMany: async (name, consumerId, leaseMs, items) =>
        inner.extendMany!(scoped(name), consumerId, leaseMs, items),
      remove: async (name, id) => inner.remove!(scoped(name), id),
      has: async (name, ids) => inner.has!(scoped(name), ids),
      size: async (name) => inner.size!(scoped(name)),
      isPaused: async (name) => inner.isPaused!(scoped(name)),
      nextDueIn: async (name) => inner.nextDueIn!(scoped(name)),
      subscribe: async (names, onWake) =>
        inner.subscribe!(names.map(scoped), (prefixed) => {
          const name = prefix.strip(prefixed)
          if (name !== undefined) onWake(name)
        }),
      incarnation: async () => inner.incarnation!(),
    }),
  }
}
