/** A server that is down, or not the one that was meant, when the adapters first look for it. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { BACKEND, type JobStore } from '@sched/core/adapter'
import { type Server, startMongo } from '@sched/test-services'
import { MongoClient, MongoServerSelectionError } from 'mongodb'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { faultKind } from './errors.ts'
import { mongo } from './index.ts'
import type { MongoSource } from './options.ts'

let server: Server

beforeAll(async () => {
  server = await startMongo({ replicaSet: true })
})

afterAll(() => server.stop())

function opened(source: MongoSource, operationDeadlineMs: number) {
  const adapters = mongo(source, { operationDeadlineMs })
  onTestFinished(() => adapters.close())
  return adapters
}

const notSent = (message: RegExp) => ({
  code: 'UNAVAILABLE',
  ambiguous: false,
  message: expect.stringMatching(message),
})

test('a server that was down at the first call is found when it is up, whatever the first call was', async () => {
  const [readied, enqueuing] = [opened(server.url, 2_000), opened(server.url, 2_000)]
  const jobs = enqueuing.storage[BACKEND]?.fuse({ scope: 'a:b:c', ...enqueuing }) as JobStore
  const client = new MongoClient(server.url, { serverSelectionTimeoutMS: 1_000 })
  onTestFinished(() => client.close())
  const own = opened(client, 2_000)
  const job = { id: 'a', type: 'mail', payload: null, priority: 0 }
  await server.kill()
  const refused = {
    ...notSent(/ECONNREFUSED/),
    cause: expect.objectContaining({ message: expect.any(String) }),
  }
  await Promise.all([
    expect(readied.storage.ready?.()).rejects.toMatchObject(refused),
    expect(jobs.insert([job])).rejects.toMatchObject(refused),
    expect(own.storage.ready?.()).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: false }),
  ])
  const again = performance.now()
  await expect(readied.storage.ready?.()).rejects.toMatchObject(refused)
  expect(performance.now() - again).toBeGreaterThan(1_000)
  await expect(own.storage.ready?.()).rejects.toMatchObject(
    notSent(/its first connect failed.*call its connect/),
  )
  await server.start()
  await readied.storage.ready?.()
  expect(await jobs.insert([job])).toHaveLength(1)
  await client.connect()
  await own.storage.ready?.()
})

test('what was called while no server was there was not applied, and is said to be so', async () => {
  const { storage } = opened(server.url, 1_000)
  await storage.ready?.()
  await server.kill()
  onTestFinished(() => server.start())
  await expect(storage.get('n', 'a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  const reached = new RegExp(`no MongoDB server could be reached \\(.*127.0.0.1:${server.port}`)
  await expect(storage.save('n', 'a', 1)).rejects.toMatchObject(notSent(reached))
})

test('so it is for a client of the user’s that had lost its server before', async () => {
  const client = await new MongoClient(server.url).connect()
  onTestFinished(() => client.close())
  const lost = new Promise<void>((resolve) => {
    client.on('serverDescriptionChanged', ({ newDescription }) => {
      if (newDescription.type === 'Unknown') resolve()
    })
  })
  await server.kill()
  onTestFinished(() => server.start())
  await lost
  const { storage } = opened(client, 500)
  await expect(storage.save('n', 'a', 1)).rejects.toMatchObject(
    notSent(new RegExp(`127.0.0.1:${server.port}`)),
  )
})

test('a set of another name is known as soon as the server has answered, and the set is named', async () => {
  const { storage } = opened(`mongodb://127.0.0.1:${server.port}/?replicaSet=other`, 600_000)
  const message = new RegExp(`127.0.0.1:${server.port} is a member of the replica set "rs0", not of "other"`)
  await expect(storage.ready?.()).rejects.toMatchObject(notSent(message))
  await expect(storage.ready?.()).rejects.toMatchObject(notSent(message))
})

test('a client of the user’s that looks for another set says so, too', async () => {
  const client = new MongoClient(`mongodb://127.0.0.1:${server.port}/?replicaSet=other`)
  onTestFinished(() => client.close())
  await expect(opened(client, 500).storage.ready?.()).rejects.toMatchObject(notSent(/not of "other"/))
})

test('a port where something else listens is named', async () => {
  const other = createServer((socket) => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const { port } = other.address() as AddressInfo
  const { storage } = opened(`mongodb://127.0.0.1:${port}`, 500)
  await expect(storage.ready?.()).rejects.toMatchObject(notSent(new RegExp(`127.0.0.1:${port}`)))
})

test.each([
  ['the socket’s own error', Object.assign(new Error('ended by the other party'), { code: 'EPIPE' })],
  [
    'a search for a server, which the driver repeats after a break',
    new MongoServerSelectionError('x', {} as never),
  ],
])('%s may come after the call was sent', (_, error) => {
  expect([faultKind(error), faultKind(error, false)]).toEqual(['broken', 'notSent'])
})
