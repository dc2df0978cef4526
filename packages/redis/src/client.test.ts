import { serviceUrl } from '@sched/test-services'
import type { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { clientFactory, endClient } from './client.ts'
import { MASTER_NAME, startSentinel } from './failover.support.ts'

/** The next of these; errors may come before it. */
const heard = (client: Redis, event: 'end' | 'ready'): Promise<void> =>
  new Promise((resolve) => client.once(event, resolve))

test('what arrives is handed on at once, and does not wait in the stream for the next tick', async () => {
  const client = clientFactory(serviceUrl('redis'), 10_000)() as Redis
  await client.connect()
  const read = vi.spyOn(client.stream, 'read')
  for (let i = 0; i < 10; i++) await client.ping()
  expect(read.mock.results.filter(({ value }) => value !== null)).toEqual([])
  endClient(client)
})

test('a client that is closed while it asks the Sentinels where to connect comes back, until it is ended', async () => {
  const sentinel = await startSentinel()
  onTestFinished(() => sentinel.stop())
  const sentinels = [{ host: '127.0.0.1', port: sentinel.port }]
  const client = clientFactory({ sentinels, name: MASTER_NAME }, 10_000)() as Redis
  onTestFinished(() => endClient(client))
  client.on('error', () => undefined)
  await client.connect()
  for (let round = 0; round < 3; round++) {
    // what ioredis' look-out for a new master does
    const { connector } = client as unknown as { readonly connector: { disconnect(): void } }
    client.once('connecting', () => connector.disconnect())
    const end = heard(client, 'end')
    client.disconnect(true)
    await end
    await heard(client, 'ready')
    expect(await client.ping()).toBe('PONG')
  }
  const end = heard(client, 'end')
  endClient(client)
  await end
  expect(client.status).toBe('end')
})
