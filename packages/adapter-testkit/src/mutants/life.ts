/** Mistakes in the life of an adapter. */
import { ModelBroker } from '../model/broker.ts'
import { ModelLock } from '../model/lock.ts'
import { ModelStorage } from '../model/storage.ts'
import type { Mutant } from './mutant.ts'

export const lifeMutants: readonly Mutant[] = [
  {
    mistake: 'a closed storage goes on working',
    everywhere: true,
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          override async close(): Promise<void> {}
        })(node),
    },
    fails: {},
  },
  {
    mistake: 'closing twice is an error',
    everywhere: true,
    parts: {
      lock: (node) =>
        new (class extends ModelLock {
          override async close(): Promise<void> {
            this.guard()
            await super.close()
          }
        })(node),
    },
    fails: {},
  },
  {
    mistake: 'closing one node closes all',
    everywhere: true,
    parts: {
      broker: (node) =>
        new (class extends ModelBroker {
          override async close(): Promise<void> {
            await super.close()
            this.space.up = false
          }
        })(node),
    },
    fails: {},
  },
  {
    mistake: 'ready can be called once only',
    everywhere: true,
    parts: {
      storage: (node) =>
        new (class extends ModelStorage {
          #ready = false
          override async ready(): Promise<void> {
            if (this.#ready) throw new Error('the table exists already')
            this.#ready = true
            await super.ready()
          }
        })(node),
    },
    fails: {},
  },
]
