import { MyBroker } from './broker.js'
import { Connection } from './connection.js'
import { MyLock } from './lock.js'
import { MyStorage } from './storage.js'

/**
 * What the testkit runs against. It opens nodes (as processes would), and has everything it made removed again.
 * @type {import('@sched/adapter-testkit').Target}
 */
const target = {
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
