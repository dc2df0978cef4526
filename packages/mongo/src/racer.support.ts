/** A process that gets the adapters ready the moment it is told to, and says how that went. */
import { once } from 'node:events'
import { mongo } from './index.ts'

const adapters = mongo(process.argv[2] as string, { prefix: `racer-${process.pid}` })
process.send?.('loaded')
await once(process, 'message')
try {
  await adapters.storage.ready?.()
  await adapters.broker.publish('mail', 'a')
  process.send?.((await adapters.broker.claim('mail', 'me', 1, 60_000))[0] === 'a' ? 'ready' : 'no job')
} catch (error) {
  process.send?.(String(error))
}
await adapters.close()
process.disconnect()
