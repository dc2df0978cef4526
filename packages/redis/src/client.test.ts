import { serviceUrl } from '@sched/test-services'
import type { Redis } from 'ioredis'
import { expect, test, vi } from 'vitest'
import { clientFactory } from './client.ts'

test('what arrives is handed on at once, and does not wait in the stream for the next tick', async () => {
  const client = clientFactory(serviceUrl('redis'), 10_000)() as Redis
  await client.connect()
  const read = vi.spyOn(client.stream, 'read')
  for (let i = 0; i < 10; i++) await client.ping()
  expect(read.mock.results.filter(({ value }) => value !== null)).toEqual([])
  client.disconnect()
})
