import { describeAdapters, type Target } from '@sched/adapter-testkit'
import { BACKEND } from '@sched/core/adapter'
import { startRedis } from '@sched/test-services'
import { Redis } from 'ioredis'
import { afterAll, test } from 'vitest'
import { redis } from './index.ts'
import { redisTarget } from './redis-target.support.ts'

const server = await startRedis({ config: { appendonly: 'yes' } })
const admin = new Redis(server.url)
admin.on('error', () => undefined)
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

/** How often the server itself is restarted: every so many nodes that are opened. */
const RESTART_EVERY = 12
let opened = 0

/** Before every node that opens, scripts are flushed and all connections killed, or the server restarts. */
async function disturb(): Promise<void> {
  if (++opened % RESTART_EVERY === 0) return await server.restart()
  await admin.script('FLUSH')
  await admin.call('client', 'kill', 'type', 'normal', 'skipme', 'yes')
}

/** The fused store alone: every case runs once, one after the other. */
const target: Target = {
  ...redisTarget({ name: 'redis, disturbed', place: { host: '127.0.0.1', port: server.port } }),
  async open(namespace) {
    const { storage, broker, close } = redis({ host: '127.0.0.1', port: server.port }, { prefix: namespace })
    const jobStore = storage[BACKEND]?.fuse({ scope: 'kit', storage, broker })
    await storage.ready?.()
    await disturb()
    return { ...(jobStore !== undefined && { jobStore }), close }
  },
}

describeAdapters(target, { test, only: ['job-store/'], level: 'must', concurrency: 1 })
