/** Mistakes in whose time counts. */
import type { Lease } from '@sched/core/adapter'
import { ModelBroker } from '../model/broker.ts'
import { ModelJobStore } from '../model/job-store.ts'
import { ModelLock } from '../model/lock.ts'
import type { Entry } from '../model/queue.ts'
import type { Claim } from '../model/queue-rules.ts'
import { ModelStorage } from '../model/storage.ts'
import type { Mutant } from './mutant.ts'

export const timeMutants: readonly Mutant[] = [
  {
    mistake: 'client clock',
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          protected override serverNow(): number {
            return super.serverNow() + this.skewMs
          }
        })(node),
      broker: (node) =>
        new (class extends ModelBroker {
          protected override serverNow(): number {
            return super.serverNow() + this.skewMs
          }
        })(node),
      lock: (node) =>
        new (class extends ModelLock {
          protected override serverNow(): number {
            return super.serverNow() + this.skewMs
          }
        })(node),
      jobStore: (node) =>
        new (class extends ModelJobStore {
          protected override serverNow(): number {
            return super.serverNow() + this.skewMs
          }
        })(node),
    },
    fails: {
      'time/node-one-hour-ahead': 'claim by the other after the lease that the node whose clock is off had',
      'time/node-one-hour-behind':
        'claim of an id that the node whose clock is off delayed by half an hour, by the other',
    },
  },
  {
    mistake: 'time frozen in a transaction',
    parts: {
      broker: (node) =>
        new (class extends ModelBroker {
          readonly #began = new WeakMap<Claim, number>()
          protected override checkedClaim(...args: Parameters<ModelBroker['checkedClaim']>): Claim {
            const claim = super.checkedClaim(...args)
            this.#began.set(claim, this.serverNow())
            return claim
          }
          protected override lease(name: string, entry: Entry, claim: Claim): Lease {
            const lease = super.lease(name, entry, claim)
            if (entry.lease) entry.lease.until = (this.#began.get(claim) ?? 0) + claim.leaseMs
            return lease
          }
        })(node),
    },
    fails: {
      'time/long-transaction': 'extendLock right after a claim that had waited for longer than its lease',
    },
  },
]
