import { randomUUID } from 'node:crypto'
import type { Filter, IStorageEngine } from '@sched/core/adapter'
import { serviceUrl, startMongo } from '@sched/test-services'
import { type ClientSession, MongoClient, ReadConcern } from 'mongodb'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { saveRecords } from './commands/storage-save.ts'
import { MongoConnection } from './connection.ts'
import { mongo } from './index.ts'
import { settingsOf } from './options.ts'

const url = serviceUrl('mongo')
const database = `sched_storage_${process.pid}`
const client = new MongoClient(url)

afterAll(async () => {
  await client.db(database).dropDatabase()
  await client.close()
})

async function open(source: Parameters<typeof mongo>[0] = { url, database }, name: string = database) {
  const { storage, close } = mongo(source, { prefix: randomUUID(), database: name })
  onTestFinished(close)
  await storage.ready?.()
  return storage as Required<IStorageEngine>
}

describe('in the user’s transaction', () => {
  async function inTransaction(use: (session: ClientSession) => Promise<void>): Promise<void> {
    const session = client.startSession()
    onTestFinished(() => session.endSession())
    session.startTransaction()
    await use(session)
  }

  test('writes are committed together, seen inside at once and outside only then', async () => {
    const storage = await open()
    await inTransaction(async (session) => {
      const inside = storage.within(session) as Required<IStorageEngine>
      await inside.save('n', 'a', { of: 1 })
      expect(await inside.compareAndSet('n', 'b', null, { rev: 1 })).toBe(true)
      expect(await inside.getMany('n', ['a', 'b'])).toEqual([{ of: 1 }, { rev: 1 }])
      expect(await storage.getMany('n', ['a', 'b'])).toEqual([null, null])
      await session.commitTransaction()
    })
    expect(await storage.list('n')).toEqual([{ of: 1 }, { rev: 1 }])
  })

  test('a refused insert leaves it usable, and giving up undoes all', async () => {
    const storage = await open()
    await storage.save('n', 'there', { rev: 5 })
    await inTransaction(async (session) => {
      const inside = storage.within(session) as Required<IStorageEngine>
      expect(await inside.compareAndSet('n', 'there', null, { rev: 1 })).toBe(false)
      expect(await inside.compareAndSet('n', 'there', 4, { rev: 6 })).toBe(false)
      expect(await inside.compareAndSet('n', 'there', 5, { rev: 6 })).toBe(true)
      expect(await inside.deleteMany('n', ['there', 'nobody'])).toBe(1)
      expect(await inside.count('n')).toBe(0)
      await session.abortTransaction()
    })
    expect(await storage.get('n', 'there')).toEqual({ rev: 5 })
  })

  test('a conflict reaches the user as the driver’s own, so that withTransaction begins anew', async () => {
    const storage = await open()
    await storage.save('n', 'a', 0)
    await inTransaction(async (session) => {
      const inside = storage.within(session)
      await inside.get('n', 'a')
      await storage.save('n', 'a', 1)
      const conflict = await inside.save('n', 'a', 2).catch((error: unknown) => error)
      expect(
        (conflict as { hasErrorLabel(label: string): boolean }).hasErrorLabel('TransientTransactionError'),
      ).toBe(true)
    })
    const session = client.startSession()
    let tries = 0
    await session.withTransaction(async () => {
      const inside = storage.within(session)
      await inside.get('n', 'a')
      if (tries++ === 0) await storage.save('n', 'a', 3)
      await inside.save('n', 'a', 4)
    })
    await session.endSession()
    expect(tries).toBe(2)
    expect(await storage.get('n', 'a')).toBe(4)
  })

  test('what is no transaction is refused, by name', async () => {
    const storage = await open()
    const session = client.startSession()
    expect(() => storage.within({})).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
    expect(() => storage.within(client)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
    expect(() => storage.within(session)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    await session.endSession()
  })

  test('a standalone server has none', async () => {
    const server = await startMongo({ replicaSet: false })
    const alone = new MongoClient(server.url)
    const storage = await open(alone)
    const session = alone.startSession()
    session.startTransaction()
    expect(() => storage.within(session)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining('standalone') }),
    )
    await session.endSession()
    await alone.close()
    await server.stop()
  })
})

test('settings of a client of one’s own do not change what comes back, nor how safely it is written', async () => {
  const odd = new MongoClient(url, {
    w: 0,
    readPreference: 'secondaryPreferred',
    readConcern: new ReadConcern('available'),
    promoteValues: false,
    bsonRegExp: true,
    ignoreUndefined: false,
  })
  const storage = await open(odd)
  const value = { n: 5, big: 2 ** 40, f: 0.5, s: 'x', d: new Date(3), nested: [1, { a: null }] }
  await storage.save('n', 'a', value)
  expect(await storage.get('n', 'a')).toEqual(value)
  expect(await storage.compareAndSet('n', 'a', 0, { rev: 1 })).toBe(true)
  expect(await storage.compareAndSet('n', 'a', 0, { rev: 1 })).toBe(false)
  await odd.close()
})

test.each<[string, Filter]>([
  ['an operator of MongoDB', { v: { $regex: '.*' } }],
  ['code', { v: { $where: 'true' } }],
  ['an operator beside one of ours', { v: { $eq: 1, $exists: true } }],
])('%s in a filter is refused', async (_, filter) => {
  const storage = await open()
  await storage.save('n', 'a', { v: 1 })
  await expect(storage.list('n', filter)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('documents where text belongs never reach the server', async () => {
  const storage = await open()
  await storage.save('n', 'a', { v: 1, $or: [{ x: 1 }] })
  for (const id of [{ $ne: null }, { $gt: '' }, ['a'], /a/, null] as never[]) {
    await expect(storage.get('n', id)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(storage.delete('n', id)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    await expect(storage.get(id, 'a')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  }
  expect(await storage.list('n', { v: { $in: [{ $gt: 0 }, /1/.source, { $ne: null }] } })).toEqual([])
  expect(await storage.list('n', { $where: 'true' })).toEqual([])
  expect(await storage.list('n', { 'v.h': 1 })).toEqual([])
  expect(await storage.list('n', { $or: [{ x: 1 }] })).toEqual([{ v: 1, $or: [{ x: 1 }] }])
})

test.each([16.5, 40])(
  'a document of %d MiB, which a small text can become, is refused by size',
  async (size) => {
    const connection = new MongoConnection(client, settingsOf(client, { database }))
    const o = 'x'.repeat(size * 1024 * 1024)
    const save = saveRecords(connection, [{ id: { s: 's', i: 'i' }, body: { o, r: 0 } }], 'call')
    await expect(save).rejects.toMatchObject({ code: 'VALUE_TOO_LARGE' })
    await connection.close()
  },
)

test('a batch of changes may be larger than a document', async () => {
  const storage = await open()
  const items = ['a', 'b', 'c', 'd'].map((id) => ({ id, text: id.repeat(6 * 1024 * 1024) }))
  await storage.saveMany(
    'n',
    items.map(({ id }) => ({ id, value: { rev: 1 } })),
  )
  const patches = items.map(({ id, text }) => ({ id, where: {}, set: { text } }))
  expect(await storage.patchMany('n', patches)).toEqual([true, true, true, true])
  expect(await storage.getMany('n', ['a', 'd'])).toEqual([
    { rev: 2, text: items[0]?.text },
    { rev: 2, text: items[3]?.text },
  ])
  const values = items.map(({ id, text }) => ({ id, expectedRev: 2, value: { rev: 3, other: text } }))
  expect(await storage.compareAndSetMany('n', values)).toEqual([true, true, true, true])
  expect(await storage.getMany('n', ['b', 'd'])).toEqual([
    { rev: 3, other: items[1]?.text },
    { rev: 3, other: items[3]?.text },
  ])
})

describe('records replaced together come out as they were given, and only those that were as expected', () => {
  const ids = ['a', 'b', 'c', 'd', '$e']
  const at = new Date(5)
  const nested = { list: [1, { a: null }], $eq: at }

  test.each<[string, (id: string, place: number) => Record<string, unknown>]>([
    ['alike', () => ({ text: '$text', at, nested, none: null, yes: true, zero: 0 })],
    ['with their own ids', (id) => ({ id, nested })],
    ['with a field of their own', (id, place) => ({ id, place, at: new Date(5) })],
    ['with nested values of their own', (_, place) => ({ nested: { place }, at: new Date(place) })],
    ['all different', (id, place) => ({ id: `${id}!`, place, at: new Date(place), nested: { place } })],
    [
      'of different fields',
      (id, place) => ({ [id]: { $gt: place }, finishedAt: place, '': place, 'a.b': id }),
    ],
    ['with an instant that prune goes by', (_, place) => ({ finishedAt: place % 2 === 0 ? at : null })],
  ])('%s', async (_, fieldsOf) => {
    const storage = await open()
    const before = (place: number) => ({ rev: place % 2 === 0 ? 7 : 2 ** 40, old: true })
    await storage.saveMany(
      'n',
      ids.map((id, place) => ({ id, value: before(place) })),
    )
    for (const revs of [
      [7, 2 ** 40, 8, 2 ** 40, 7],
      [9, 9, 7, 9, 9],
    ]) {
      const items = ids.map((id, place) => ({
        id,
        expectedRev: revs[place] as number,
        value: { ...fieldsOf(id, place), rev: (revs[place] as number) + 1 },
      }))
      const stored = await storage.compareAndSetMany<object>('n', [
        ...items,
        { id: 'new', expectedRev: 3, value: {} },
      ])
      const fits = revs[0] === 7 ? [true, true, false, true, true] : [false, false, true, false, false]
      expect(stored).toEqual([...fits, false])
      const found = await storage.getMany('n', ids)
      for (const [place, fit] of fits.entries()) if (fit) expect(found[place]).toEqual(items[place]?.value)
    }
    // by the new revs
    const last = ids.map((id, place) => ({
      id,
      expectedRev: place % 2 === 0 ? 8 : 2 ** 40 + 1,
      value: { rev: 1 },
    }))
    expect(await storage.compareAndSetMany('n', last)).toEqual([true, true, true, true, true])
    expect(await storage.getMany('n', ids)).toEqual(ids.map(() => ({ rev: 1 })))
  })
})

test('a filter on a field that core named uses its index', async () => {
  const storage = await open()
  await storage.index('jobs', ['state'])
  await storage.saveMany(
    'jobs',
    Array.from({ length: 300 }, (_, i) => ({ id: `id-${i}`, value: { state: i < 3 ? 'rare' : 'usual', i } })),
  )
  const examined = await examinedBy(database, async () => {
    expect(await storage.list('jobs', { state: 'rare' })).toHaveLength(3)
    expect(await storage.count('jobs', { state: { $in: ['rare'] } })).toBe(3)
  })
  expect(examined.length).toBeGreaterThanOrEqual(2)
  for (const documents of examined) expect(documents).toBeLessThanOrEqual(3)
})

/** How many documents each command looked at. */
async function examinedBy(name: string, work: () => Promise<void>): Promise<number[]> {
  const db = client.db(name)
  await db.command({ profile: 2 })
  await work()
  await db.command({ profile: 0 })
  const commands = await db
    .collection('system.profile')
    .find({ ns: `${name}.sched_records` })
    .toArray()
  return commands.map(({ docsExamined }) => docsExamined)
}

test('what runs for a worker is found by state and worker, which share an index', async () => {
  const name = `${database}_running`
  const storage = await open({ url }, name)
  const db = client.db(name)
  onTestFinished(async () => void (await db.dropDatabase()))
  await storage.index('jobs', ['worker', 'finishedAt', 'type', 'state'])
  await storage.index('jobs', ['type', 'state', 'worker'])
  await storage.saveMany(
    'jobs',
    Array.from({ length: 300 }, (_, i) => ({
      id: `id-${i}`,
      value: i % 3 === 0 ? { state: 'pending' } : { state: 'running', worker: `w-${i % 100}` },
    })),
  )
  const examined = await examinedBy(name, async () => {
    expect(await storage.page('jobs', { worker: 'w-1', state: 'running' }, { limit: 100 })).toHaveLength(2)
    expect(await storage.count('jobs', { worker: 'w-1', state: 'running' })).toBe(2)
  })
  expect(examined.length).toBeGreaterThanOrEqual(2)
  for (const documents of examined) expect(documents).toBeLessThanOrEqual(2)
  const made = await db.collection('sched_records').indexes()
  expect(made.map((index) => index.name).sort()).toEqual([
    '_id_',
    'field type',
    'fields state worker',
    'prune',
  ])
})

test('a patch that need not last waits for the primary alone, and its rev never comes twice, also when it is forgotten', async () => {
  const watched = new MongoClient(url, { monitorCommands: true })
  onTestFinished(() => watched.close())
  const concerns: unknown[] = []
  watched.on('commandStarted', ({ commandName, command }) => {
    if (commandName === 'update') concerns.push(command.writeConcern?.w)
  })
  const storage = await open(watched)
  const claim = [{ id: 'a', where: {}, set: { state: 'running' }, revTo: 'fence' }]
  const fences: number[] = []
  for (let i = 0; i < 3; i++) {
    // as a failover leaves it
    await storage.save('jobs', 'a', { rev: 8, state: 'pending' })
    concerns.length = 0
    const [claimed] = await storage.patchMany<{ rev: number; fence: number }>('jobs', claim, {
      read: true,
      lasting: false,
      freshRev: true,
    })
    expect(concerns).toEqual([1])
    expect(claimed!.fence).toBe(claimed!.rev)
    fences.push(claimed!.fence)
  }
  expect(fences).toEqual([...fences].sort((a, b) => a - b))
  expect(fences[0]).toBeGreaterThan(Date.now() * 1000 - 60_000_000)
  concerns.length = 0
  await storage.patchMany('jobs', claim)
  expect(concerns).toEqual(['majority'])
})
