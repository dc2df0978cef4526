import { MongoClient } from 'mongodb'
import { expect, test } from 'vitest'
import { checkSessionDriver } from './driver-version.ts'
import { mongo } from './index.ts'
import { clientOptions, databaseInUrl, settingsOf } from './options.ts'

const URL = 'mongodb://127.0.0.1:1/?directConnection=true'

test.each([
  [{ database: 'a b' }, 'database must be'],
  [{ database: '' }, 'database must be'],
  [{ collectionPrefix: 'Sched' }, 'collectionPrefix must match'],
  [{ collectionPrefix: 'a.b' }, 'collectionPrefix must match'],
  [{ prefix: '' }, 'prefix'],
  [{ prefix: 'x'.repeat(201) }, 'prefix must be at most 200 bytes'],
  [{ operationDeadlineMs: 0 }, 'operationDeadlineMs'],
  [{ operationDeadlineMs: Number.NaN }, 'operationDeadlineMs'],
  [{ writeConcern: 0 }, "writeConcern must be 'majority' or a number"],
  [{ writeConcern: 'most' as never }, 'writeConcern'],
  [{ databse: 'x' } as never, 'did you mean "database"?'],
])('%j is refused, by name', (options, message) => {
  expect(() => mongo(URL, options)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) }),
  )
})

test.each(['resetOnInit', 'changeStreams'])(
  '%s is true or false, not a text that would count as true',
  (flag) => {
    expect(() => mongo(URL, { [flag]: 'false' })).toThrow(`${flag} must be true or false`)
  },
)

test.each([
  ['a URL of something else', 'redis://127.0.0.1'],
  ['nothing', undefined],
  ['options without a URL', { database: 'x' }],
])('%s is no source', (_, source) => {
  expect(() => mongo(source as never)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('mongodb://localhost:27017/app'),
    }),
  )
})

test('a URL that the driver cannot read is refused without showing its password', () => {
  const open = () => mongo('mongodb://user:hush-hush@host:99999999/app')
  expect(open).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  expect(open).not.toThrow(/hush-hush/)
})

test('options may stand beside the connection, and the second argument goes before them', () => {
  const settings = settingsOf({ url: URL, prefix: 'a', database: 'one' }, { prefix: 'b' })
  expect(settings).toMatchObject({ prefix: 'b', database: 'one' })
  const { url, options } = clientOptions({ url: URL, prefix: 'a', maxPoolSize: 3 }, settings)
  expect(url).toBe(URL)
  expect(options).toMatchObject({ maxPoolSize: 3, appName: 'sched' })
  expect(options).not.toHaveProperty('prefix')
})

test.each([
  ['mongodb://h/app?x=1', 'app'],
  ['mongodb://u:p%2F@h1:1,h2:2/my%20app', 'my app'],
  ['mongodb://h:1/?replicaSet=rs0', undefined],
  ['mongodb://h:1', undefined],
  ['mongodb+srv://h/app', 'app'],
])('%s names the database %s', (url, name) => {
  expect(databaseInUrl(url)).toBe(name)
})

test('nobody listens on the port: rejects by the deadline, and nothing was sent', async () => {
  const { lock, close } = mongo(URL, { operationDeadlineMs: 200 })
  await expect(lock.acquire('k', 'o', 1_000)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await close()
})

test('a client whose user closed it first is named as the reason', async () => {
  const client = new MongoClient(URL)
  const { storage, close } = mongo(client, { operationDeadlineMs: 500 })
  await client.close()
  await expect(storage.get('n', 'a')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('the MongoClient was closed'),
  })
  await close()
})

test.each([
  ['at hand', { driver: { name: 'nodejs', version: '6.22.0' } }],
  ['promised', Promise.resolve({ driver: { name: 'nodejs', version: '8.0.1|1.2' } })],
])('a client of another major of the driver is refused by its version, %s', async (_, metadata) => {
  const client = new MongoClient(URL)
  Object.defineProperty(client, 'options', { value: { ...client.options, metadata } })
  const { storage, close } = mongo(client, { operationDeadlineMs: 500 })
  await expect(storage.ready?.()).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(
      /version (6\.22\.0|8\.0\.1\S*) of the mongodb driver; @sched\/mongo needs a client of version 7/,
    ),
  })
  await close?.()
  await client.close()
})

test('so is a session of one', async () => {
  const client = new MongoClient(URL)
  const session = client.startSession()
  expect(() => checkSessionDriver(session)).not.toThrow()
  const ofSix = { id: { id: { [Symbol.for('@@mdb.bson.version')]: 6 } } }
  expect(() => checkSessionDriver(ofSix as never)).toThrow('needs one of version 7')
  await session.endSession()
  await client.close()
})
