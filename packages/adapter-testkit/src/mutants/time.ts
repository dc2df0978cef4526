/** Mistakes in whose time counts. */
import { ModelBroker } from '../model/broker.ts'
import { ModelJobStore } from '../model/job-store.ts'
import { ModelLock } from '../model/lock.ts'
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
    fails: {},
  },
]
