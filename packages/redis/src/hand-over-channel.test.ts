import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { HandOverChannel } from './hand-over-channel.ts'
import { ownServer } from './own-server.support.ts'

const { server, admin } = await ownServer()

/** What the channel told, and whether ioredis had told of it by then. */
interface Told {
  readonly text: string
  readonly isFirst: boolean
}

async function listening(options: { readonly protocol?: 2 | 3; readonly base?: string } = {}) {
  const { protocol = 2, base = `{${randomUUID()}:j:a}` } = options
  const client = new Redis(server.url, { lazyConnect: true, protocol })
  const byClient: string[] = []
  client.on('message', (_channel, text) => byClient.push(text))
  const told: Told[] = []
  const channel = new HandOverChannel({ open: () => client, base, onListening: () => undefined }, (text) => {
    told.push({ text, isFirst: byClient.length === 0 })
  })
  onTestFinished(() => channel.close())
  await vi.waitFor(() => expect(channel.listen()).toBe(true))
  return { channel, client, told, byClient }
}

const TEXTS = ['1 23{"a":1}', '', 'täxt €', 'ends in a line\r\n', '$5\r\nother\r\n']

test.each([2, 3] as const)('a message is told before ioredis tells of it (RESP%i)', async (protocol) => {
  const { channel, told, byClient } = await listening({ protocol })
  for (const text of TEXTS) {
    told.length = 0
    byClient.length = 0
    await admin.publish(channel.name, text)
    await vi.waitFor(() => expect(byClient).toEqual([text]))
    expect(told[0]).toEqual({ text, isFirst: true })
    expect(told.every((one) => one.text === text)).toBe(true)
  }
})

test('also on a channel whose name is no ASCII', async () => {
  const { channel, told } = await listening({ base: '{täst€:j:a}' })
  await admin.publish(channel.name, 'é')
  await vi.waitFor(() => expect(told[0]).toEqual({ text: 'é', isFirst: true }))
})

test('what comes in pieces, or with something else, is told as it was said', async () => {
  const { channel, told } = await listening()
  const large = 'ä'.repeat(3_000_000)
  await admin.publish(channel.name, large)
  await vi.waitFor(() => expect(told.map(({ text }) => text)).toEqual([large]), { timeout: 10_000 })
  told.length = 0
  const many = Array.from({ length: 500 }, (_, i) => `message ${i}`)
  const publishing = admin.pipeline()
  for (const text of many) publishing.publish(channel.name, text)
  await publishing.exec()
  await vi.waitFor(() => expect(new Set(told.map(({ text }) => text))).toEqual(new Set(many)))
  expect([...new Set(told.map(({ text }) => text))]).toEqual(many)
})

test('after its connection broke as before', async () => {
  const { channel, client, told } = await listening()
  const ready = once(client, 'ready')
  client.disconnect(true)
  await ready
  await vi.waitFor(() => expect(channel.listen()).toBe(true))
  await admin.publish(channel.name, 'again')
  await vi.waitFor(() => expect(told[0]).toEqual({ text: 'again', isFirst: true }))
})
