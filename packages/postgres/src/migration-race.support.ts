/** One of many processes that start at once: says that it is there, waits for the word, and makes the tables ready. */
import { postgres } from './index.ts'

const [url, schema] = process.argv.slice(2) as [string, string]

process.once('message', async () => {
  const { storage, close } = postgres(url, { schema, poolSize: 1 })
  try {
    await storage.ready?.()
    await close()
    process.send?.('ready')
  } catch (error) {
    process.send?.(String(error))
  }
  process.disconnect()
})
process.send?.('here')
