import type { Target } from '@sched/adapter-testkit'
import { MyBroker } from './broker.ts'
import { Connection } from './connection.ts'
import { MyLock } from './lock.ts'
import { MyStorage } from './storage.ts'

/** What the testkit runs against. It opens nodes (as processes would), and has everything it made removed again. */
const target: Target = {
  name: 'my-adapter',

  // the same namespace twice: two nodes on the same data. Another namespace: nothing in common. Leave out a part you do not have.
  open(namespace, { endpoint = 'localhost:1234', resetOnInit = false } = {}) {
    const connection = new Connection({ url: `my://${endpoint}`, prefix: namespace, resetOnInit })
    return {
      storage: new MyStorage(connection),
      broker: new MyBroker(connection),
      lock: new MyLock(connection),
      close: () => connection.close(),
    }
  },

  // everything under this prefix, and nothing else
  async destroy(_namespace) {},

  // where the server is: the kit puts a proxy in between, and passes its address as `endpoint`
  // upstream: 'localhost:1234',

  // how precise and quick the server is, in milliseconds
  timing: { resolutionMs: 10, shortestTtlMs: 250, signalMs: 8_000, silenceMs: 120 },

  // known gaps, with the reason; a case that passes must leave this list
  waive: {},
}

export default target
