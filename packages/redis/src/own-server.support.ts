import { type Server, startRedis } from '@sched/test-services'
import { Redis } from 'ioredis'
import { afterAll } from 'vitest'

/** A Redis for one test file alone, and a connection for what is done behind the adapter's back. Both end with the file. */
export async function ownServer(): Promise<{ readonly server: Server; readonly admin: Redis }> {
  const server = await startRedis()
  const admin = new Redis(server.url)
  afterAll(async () => {
    admin.disconnect()
    await server.stop()
  })
  return { server, admin }
}
