/** Answers that get lost after the server has done the work, made by `failCommand`: nothing is done twice, nothing gets lost. */
import { randomUUID } from 'node:crypto'
import { type Server, startMongo } from '@sched/test-services'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { mongo } from './index.ts'
import { type LossyProxy, startLossyProxy } from './lossy-proxy.support.ts'

/** What happens to a command: undefined where the connection breaks after the server has done the work, which no fail point does. */
const FAULTS: Readonly<Record<string, object | undefined>> = {
  'the connection breaks before the work': { closeConnection: true },
  'the connection breaks after the work': undefined,
  'too few members confirm': { writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } },
}

describe.each([
  ['a replica set', true],
  ['a standalone', false],
] as const)('on %s', (_, replicaSet) => {
  let server: Server
  let proxy: LossyProxy
  let admin: MongoClient

  beforeAll(async () => {
    server = await startMongo({ replicaSet })
    proxy = await startLossyProxy(server.port)
    admin = new MongoClient(server.url)
  })
  afterEach(async () => {
    proxy.lose([], 0)
    await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' })
  })
  afterAll(async () => {
    await admin.close()
    await proxy.close()
    await server.stop()
  })

  /** `times`: how often in a row; the driver repeats some calls once by itself. */
  async function loseAnswers(commands: readonly string[], fault?: object, times = 1): Promise<void> {
    if (fault === undefined) return proxy.lose(commands, times)
    await admin.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: { times },
      data: { failCommands: commands, appName: 'sched', ...fault },
    })
  }

  async function open() {
    const url = `mongodb://${proxy.endpoint}/?directConnection=true`
    const adapters = mongo(url, { prefix: `faults-${randomUUID()}`, operationDeadlineMs: 5_000 })
    onTestFinished(() => adapters.close())
    await adapters.storage.ready?.()
    const { storage, broker, lock } = adapters
    return { storage: storage as Required<typeof storage>, broker: broker as Required<typeof broker>, lock }
  }

  describe.each(Object.entries(FAULTS))('when %s', (_name, fault) => {
    test('a compare-and-set stores once and knows it', async () => {
      const { storage } = await open()
      await loseAnswers(['insert', 'update'], fault, 2)
      expect(await storage.compareAndSet('n', 'a', null, { rev: 1, by: 'first' })).toBe(true)
      await loseAnswers(['insert', 'update'], fault, 2)
      expect(await storage.compareAndSet('n', 'a', 1, { rev: 2, by: 'first' })).toBe(true)
      await loseAnswers(['insert', 'update'], fault, 2)
      expect(await storage.compareAndSet('n', 'a', 1, { rev: 2, by: 'second' })).toBe(false)
      expect(await storage.get('n', 'a')).toEqual({ rev: 2, by: 'first' })
    })

    test('a batch of compare-and-sets answers for each', async () => {
      const { storage } = await open()
      await storage.saveMany('n', [
        { id: 'b', value: { rev: 1 } },
        { id: 'c', value: { rev: 9 } },
      ])
      await loseAnswers(['insert', 'update'], fault, 2)
      const answers = await storage.compareAndSetMany('n', [
        { id: 'a', expectedRev: null, value: { rev: 1 } },
        { id: 'b', expectedRev: 1, value: { rev: 2 } },
        { id: 'c', expectedRev: 1, value: { rev: 2 } },
        { id: 'd', expectedRev: 1, value: { rev: 2 } },
      ])
      expect(answers).toEqual([true, true, false, false])
      expect(await storage.getMany('n', ['a', 'b', 'c', 'd'])).toEqual([
        { rev: 1 },
        { rev: 2 },
        { rev: 9 },
        null,
      ])
    })

    test('a claim whose answer got lost has its ids, each once', async () => {
      const { broker } = await open()
      const ids = Array.from({ length: 5 }, (_, i) => `id-${i}`)
      await broker.publishMany(
        'mail',
        ids.map((id) => ({ id })),
      )
      await loseAnswers(['update'], fault, 2)
      const leases = await broker.claimLeases('mail', 'me', 5, 60_000)
      expect(leases.map(({ id, deliveries }) => [id, deliveries])).toEqual(ids.map((id) => [id, 1]))
      expect(await broker.claim('mail', 'other', 5, 60_000)).toEqual([])
      expect(await broker.ackMany('mail', leases)).toEqual(ids.map(() => true))
    })

    test('so has a claim under a limit', async () => {
      const { broker } = await open()
      await broker.publishMany('mail', [{ id: 'a' }, { id: 'b' }, { id: 'c' }])
      await loseAnswers(['update'], fault, 1)
      const leases = await broker.claimLeases('mail', 'me', 3, 60_000, { maxActive: 2 })
      expect(leases.map(({ id }) => id)).toEqual(['a', 'b'])
      expect(await broker.claimLeases('mail', 'other', 3, 60_000, { maxActive: 2 })).toEqual([])
    })

    test('an acknowledged id is gone, and the acknowledgement is true', async () => {
      const { broker } = await open()
      await broker.publishMany('mail', [{ id: 'a' }, { id: 'b' }, { id: 'c' }])
      const [a, b, c] = await broker.claimLeases('mail', 'me', 3, 60_000)
      await loseAnswers(['delete'], fault, 2)
      expect(await broker.ack('mail', 'a', a?.receipt)).toBe(true)
      await loseAnswers(['delete'], fault, 2)
      expect(await broker.ackMany('mail', [b!, c!])).toEqual([true, true])
      expect(await broker.size('mail')).toEqual({ waiting: 0, delayed: 0, leased: 0 })
    })

    test('what was given back is there once, with its delay and priority', async () => {
      const { broker } = await open()
      await broker.publish('mail', 'a', 0, 7)
      const [a] = await broker.claimLeases('mail', 'me', 1, 60_000)
      await loseAnswers(['update'], fault, 2)
      expect(await broker.nack('mail', 'a', 60_000, a?.receipt)).toBe(true)
      expect(await broker.size('mail')).toEqual({ waiting: 0, delayed: 1, leased: 0 })
    })

    test('an extension is known to have worked, or not', async () => {
      const { broker } = await open()
      await broker.publish('mail', 'a')
      const [a] = await broker.claimLeases('mail', 'me', 1, 60_000)
      await loseAnswers(['update'], fault, 2)
      expect(await broker.extendMany('mail', 'me', 90_000, [a!, { id: 'nobody' }])).toEqual([true, false])
    })

    test('a publish happens once, or says that it may have happened', async () => {
      const { broker } = await open()
      await loseAnswers(['update'], fault, 1)
      const outcome = await broker.publish('mail', 'a').then(
        () => ({ code: 'published' }),
        (error: { code: string; ambiguous: boolean }) => error,
      )
      if (outcome.code !== 'published')
        expect(outcome).toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })
      await broker.publish('mail', 'a')
      expect(await broker.claim('mail', 'me', 5, 60_000)).toEqual(['a'])
    })

    test('a lock is taken once, and its owner knows', async () => {
      const { lock } = await open()
      await loseAnswers(['findAndModify'], fault, 2)
      const taken = await lock.acquireLease?.('leader', 'me', 60_000)
      expect(taken?.token).toBeGreaterThan(0)
      expect(await lock.acquire('leader', 'other', 60_000)).toBe(false)
      await loseAnswers(['update'], fault, 2)
      expect(await lock.renew('leader', 'me', 60_000)).toBe(true)
      await loseAnswers(['findAndModify'], fault, 2)
      expect(await lock.acquireLease?.('leader', 'me', 60_000)).toEqual(taken)
    })
  })

  test('a save whose answer got lost for good says that it may have been applied', async () => {
    const { storage } = await open()
    await loseAnswers(['update'], FAULTS['too few members confirm'], 10)
    await expect(storage.save('n', 'a', { of: 1 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      ambiguous: true,
    })
    expect(await storage.get('n', 'a')).toEqual({ of: 1 })
  })

  test('a primary that steps down is waited for', async () => {
    const { broker, storage } = await open()
    await loseAnswers(['update'], { errorCode: 10_107, errorLabels: [] }, 3)
    await storage.save('n', 'a', 1)
    await loseAnswers(['update'], { errorCode: 10_107, errorLabels: [] }, 3)
    await broker.publish('mail', 'a')
    expect(await broker.claim('mail', 'me', 1, 60_000)).toEqual(['a'])
  })

  test('a server that is gone rejects at the deadline, and is found again when it is back', async () => {
    const { broker, storage } = await open()
    await broker.publish('mail', 'a')
    await server.kill()
    await expect(storage.get('n', 'a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await server.start()
    expect(await broker.claim('mail', 'me', 1, 60_000)).toEqual(['a'])
  })
})
