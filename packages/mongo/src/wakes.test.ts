import { randomUUID } from 'node:crypto'
import type { Logger } from '@sched/core/adapter'
import { type Server, startMongo } from '@sched/test-services'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Backend } from './backend.ts'
import { startLossyProxy } from './lossy-proxy.support.ts'
import type { MongoAdapterOptions, MongoSource } from './options.ts'
import { startReplicaSet } from './replica-set.support.ts'

const LIMIT_MS = 60_000
/** For what comes at once, on whatever machine: it ends what hangs. */
const SOON = { timeout: LIMIT_MS / 6 }

/** One process' share of a prefix. */
async function open(
  source: MongoSource,
  prefix: string,
  options: MongoAdapterOptions = {},
): Promise<Backend> {
  const backend = new Backend(source, { prefix, ...options })
  const part = {}
  backend.attach(part)
  onTestFinished(() => backend.detach(part))
  await backend.ready()
  return backend
}

/** Watches, and tells when the next wake of a key comes. */
async function watch(backend: Backend, keys: readonly string[]) {
  const wakes: string[] = []
  const waiting = new Map<string, () => void>()
  const stop = await backend.wakes.watch(keys, (key) => {
    wakes.push(key)
    waiting.get(key)?.()
  })
  const next = (key: string): Promise<void> => new Promise((resolve) => void waiting.set(key, resolve))
  return { wakes, next, stop }
}

describe('on a replica set', () => {
  let server: Server
  let admin: MongoClient

  beforeAll(async () => {
    server = await startMongo()
    admin = new MongoClient(server.url)
  })
  afterAll(async () => {
    await admin.close()
    await server.stop()
  })

  /** How many change streams are open on the server. */
  async function streams(): Promise<number> {
    const cursors = await admin
      .db('admin')
      .aggregate([
        { $currentOp: { idleCursors: true, allUsers: true } },
        { $match: { 'cursor.originatingCommand.pipeline.0.$changeStream': { $exists: true } } },
      ])
      .toArray()
    return cursors.length
  }

  test('a signal reaches who watches in another process, and nobody else', async () => {
    const prefix = randomUUID()
    const [here, there] = [await open(server.url, prefix), await open(server.url, prefix)]
    const stranger = await watch(await open(server.url, `${prefix}2`), ['q:mail'])
    const watched = await watch(there, ['q:mail', 'q:other'])
    const woken = watched.next('q:mail')
    here.wakes.signal(['q:mail', 'q:unknown'])
    await woken
    expect(watched.wakes).not.toContain('q:other')
    // its own stream has passed the first signal when it brings a later one
    const last = stranger.next('q:mail')
    const before = stranger.wakes.length
    ;(await open(server.url, `${prefix}2`)).wakes.signal(['q:mail'])
    await last
    expect(before).toBe(0)
  })

  test('a process has one stream, however much it watches', { timeout: LIMIT_MS }, async () => {
    const backend = await open(server.url, randomUUID())
    const before = await streams()
    for (let i = 0; i < 10; i++) await backend.wakes.watch([`q:${i}`], () => undefined)
    expect((await streams()) - before).toBe(1)
  })

  test('after its connection was cut the stream goes on where it stopped', {
    timeout: LIMIT_MS,
  }, async () => {
    const proxy = await startLossyProxy(server.port)
    onTestFinished(() => proxy.close())
    const prefix = randomUUID()
    const url = `mongodb://${proxy.endpoint}/?directConnection=true`
    const [here, there] = [await open(server.url, prefix), await open(url, prefix)]
    const watched = await watch(there, ['q:mail'])
    for (let round = 0; round < 3; round++) {
      const woken = watched.next('q:mail')
      proxy.cut()
      here.wakes.signal(['q:mail'])
      await woken
    }
  })

  test.each(['sched_signals', 'sched_latest'])(
    'when somebody drops %s what waits is opened anew, and everything counts as woken',
    async (name) => {
      const prefix = randomUUID()
      // the server tells of it when it would have said that nothing came: after half the deadline
      const soon = { operationDeadlineMs: 1_000 }
      const [here, there] = [await open(server.url, prefix), await open(server.url, prefix, soon)]
      const watched = await watch(there, ['q:mail', 'q:other'])
      const gap = watched.next('q:other')
      await admin.db('sched').collection(name).drop()
      await gap
      const woken = watched.next('q:mail')
      here.wakes.signal(['q:mail'])
      await woken
    },
  )

  test('a signal that comes into no collection does not make one that grows for ever', async () => {
    const prefix = randomUUID()
    const backend = await open(server.url, prefix)
    const latest = admin.db('sched').collection('sched_latest')
    await latest.drop()
    backend.wakes.signal(['q:mail'])
    await expect.poll(() => latest.countDocuments(), SOON).toBe(1)
    await open(server.url, prefix)
    expect(await latest.options()).toMatchObject({ capped: true })
  })

  test('a signal of no transaction is heard at the end of the latest ones: there is nothing for the change stream', async () => {
    const prefix = randomUUID()
    const [here, there] = [await open(server.url, prefix), await open(server.url, prefix)]
    const watched = await watch(there, ['q:mail'])
    const woken = watched.next('q:mail')
    here.wakes.signal(['q:mail'])
    await woken
    const documents = admin.db('sched').collection<{ _id: string }>('sched_signals')
    expect(await documents.countDocuments({ _id: { $regex: `^\\d+:${prefix}` } })).toBe(0)
  })

  test('no signal is sent that nobody else would hear; who comes hears the next, until it goes', async () => {
    const prefix = randomUUID()
    const client = new MongoClient(server.url, { monitorCommands: true })
    onTestFinished(() => client.close())
    const backend = new Backend(client.db('sched'), { prefix })
    const part = {}
    backend.attach(part)
    await backend.ready()
    await watch(backend, ['q:mail'])
    const latest = admin.db('sched').collection('sched_latest')
    const sent = (): Promise<number> => latest.countDocuments({ k: { $regex: prefix } })
    const looked = (): Promise<void> =>
      new Promise((resolve) => {
        client.on('commandSucceeded', ({ commandName, reply }) => {
          const { cursor } = reply as { cursor?: { ns: string } }
          if (commandName === 'find' && cursor?.ns.endsWith('sched_signals')) resolve()
        })
      })
    // nothing is known yet
    const first = looked()
    backend.wakes.signal(['q:mail'])
    await first
    await expect.poll(sent, SOON).toBe(1)

    const unheard = looked()
    backend.wakes.signal(['q:mail'])
    await unheard
    const there = await open(server.url, prefix)
    const watched = await watch(there, ['q:other'])
    const woken = watched.next('q:other')
    backend.wakes.signal(['q:other'])
    await woken
    expect(await sent()).toBe(2)

    const listeners = admin.db('sched').collection<{ _id: string }>('sched_signals')
    const announced = (): Promise<number> => listeners.countDocuments({ _id: { $regex: prefix } })
    expect(await announced()).toBe(2)
    await there.wakes.close()
    expect(await announced()).toBe(1)
    await backend.detach(part)
    expect(await announced()).toBe(0)
  })

  test('who is woken sends its command before the next signal is asked for', async () => {
    const prefix = randomUUID()
    const client = new MongoClient(server.url, { monitorCommands: true })
    onTestFinished(() => client.close())
    const [here, there] = [await open(server.url, prefix), await open(client, prefix, { database: 'sched' })]
    const sent: string[] = []
    client.on('commandStarted', ({ commandName, command }) => {
      if (commandName === 'ping' || command.collection === 'sched_latest') sent.push(commandName)
    })
    await there.wakes.watch(['q:mail'], () => {
      sent.length = 0
      // as a worker does, in a turn of its own
      setImmediate(() => void there.connection.command('ping', { ping: 1 }))
    })
    here.wakes.signal(['q:mail'])
    await expect.poll(() => sent.slice(0, 2), SOON).toEqual(['ping', 'getMore'])
  })

  test('who was away while more came than there is room for is woken, and hears the next one', async () => {
    const prefix = randomUUID()
    const [here, there] = [await open(server.url, prefix), await open(server.url, prefix)]
    const watched = await watch(there, ['q:mail', 'q:other'])
    const latest = admin.db('sched').collection('sched_latest')
    const gap = watched.next('q:other')
    // of nobody: the cursor passes them by, until they are too many at once
    const many = Array.from({ length: 2_000 }, (_, i) => ({ k: '', n: `${i}`.padEnd(1_000) }))
    let over = false
    const filling = (async () => {
      while (!over) await latest.insertMany(many.map((one) => ({ ...one })))
    })()
    await gap.finally(() => {
      over = true
    })
    await filling
    const woken = watched.next('q:mail')
    here.wakes.signal(['q:mail'])
    await woken
  })

  test('where the name is taken, signals are documents, and a change stream tells of them', async () => {
    const collectionPrefix = 'taken'
    const foreign = admin.db('sched').collection('taken_latest')
    await foreign.insertOne({ of: 'somebody else' })
    const prefix = randomUUID()
    const [here, there] = [
      await open(server.url, prefix, { collectionPrefix }),
      await open(server.url, prefix, { collectionPrefix }),
    ]
    const watched = await watch(there, ['q:mail'])
    const woken = watched.next('q:mail')
    here.wakes.signal(['q:mail'])
    await woken
    expect(await foreign.countDocuments()).toBe(1)
  })

  test('a transaction wakes at its commit, and not when it is given up', async () => {
    const prefix = randomUUID()
    const [here, there] = [await open(server.url, prefix), await open(server.url, prefix)]
    const watched = await watch(there, ['q:given-up', 'q:done'])
    const session = admin.startSession()
    onTestFinished(() => session.endSession())
    const within = here.connection.within(session as never)
    session.startTransaction()
    await here.wakes.signalWithin(within, ['q:given-up'])
    await session.abortTransaction()
    const woken = watched.next('q:done')
    session.startTransaction()
    await here.wakes.signalWithin(within, ['q:done'])
    await session.commitTransaction()
    await woken
    expect(watched.wakes).toEqual(['q:done'])
  })

  test('where change streams are not wanted it polls', async () => {
    const prefix = randomUUID()
    const [here, there] = [
      await open(server.url, prefix),
      await open(server.url, prefix, { changeStreams: false }),
    ]
    const watched = await watch(there, ['q:mail'])
    const woken = watched.next('q:mail')
    here.wakes.signal(['q:mail'])
    await woken
  })
})

test('when the primary changes the stream follows it, and no wake gets lost', {
  timeout: 120_000,
}, async () => {
  const set = await startReplicaSet(3)
  onTestFinished(() => set.stop())
  const prefix = randomUUID()
  const [here, there] = [await open(set.url, prefix), await open(set.url, prefix)]
  const watched = await watch(there, ['q:mail'])
  for (let round = 0; round < 2; round++) {
    const woken = watched.next('q:mail')
    await set.stepDown()
    here.wakes.signal(['q:mail'])
    await woken
  }
})

describe('on a standalone server', () => {
  let server: Server

  beforeAll(async () => {
    server = await startMongo({ replicaSet: false })
  })
  afterAll(() => server.stop())

  /** Three signals are heard; what was said to the logger meanwhile. */
  async function heardThrice(url: string, options: MongoAdapterOptions = {}): Promise<readonly string[]> {
    const said: string[] = []
    const say = (message: string): void => void said.push(message)
    const logger = { debug: say, info: say, warn: say, error: say } as unknown as Logger
    const prefix = randomUUID()
    const [here, there] = [
      await open(server.url, prefix, options),
      await open(url, prefix, { ...options, logger }),
    ]
    const watched = await watch(there, ['q:mail'])
    for (let round = 0; round < 3; round++) {
      const woken = watched.next('q:mail')
      here.wakes.signal(['q:mail'])
      await woken
    }
    await watch(there, ['q:other'])
    return said
  }

  test('signals are waited for; what it lacks is said once', async () => {
    const said = await heardThrice(server.url)
    expect(said.filter((message) => message.includes('standalone'))).toHaveLength(1)
    expect(said.filter((message) => message.includes('polled'))).toHaveLength(0)
  })

  test('with one connection it is polled, which is said', async () => {
    const said = await heardThrice(`mongodb://${new URL(server.url).host}/?maxPoolSize=1`)
    expect(said.filter((message) => message.includes('polled'))).toHaveLength(1)
  })

  test('without a capped collection it is polled, which is said', async () => {
    const client = new MongoClient(server.url)
    onTestFinished(() => client.close())
    await client.db('sched').collection('taken_latest').insertOne({ of: 'somebody else' })
    const said = await heardThrice(server.url, { collectionPrefix: 'taken' })
    expect(said.filter((message) => message.includes('polled'))).toHaveLength(1)
  })
})
