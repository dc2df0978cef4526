/** Answers of the job store that get lost after the server has done the work: no job is made twice, none is lost, each end counts once. */
import { randomUUID } from 'node:crypto'
import { BACKEND, type ClaimedJob, type JobStore, type NewJob, type Outcome } from '@sched/core/adapter'
import { type Server, startMongo } from '@sched/test-services'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { mongo } from './index.ts'
import { type LossyProxy, startLossyProxy } from './lossy-proxy.support.ts'

/** Undefined: the connection breaks after the server has done the work, which no fail point does. */
const FAULTS: Readonly<Record<string, object | undefined>> = {
  'the connection breaks before the work': { closeConnection: true },
  'the connection breaks after the work': undefined,
  'too few members confirm': { writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } },
}

/** For what comes at once, on whatever machine: it ends what hangs. */
const SOON = { timeout: 10_000 }

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

  async function loseAnswers(commands: readonly string[], fault?: object, times = 1): Promise<void> {
    if (fault === undefined) return proxy.lose(commands, times)
    await admin.db('admin').command({
      configureFailPoint: 'failCommand',
      mode: { times },
      data: { failCommands: commands, appName: 'sched', ...fault },
    })
  }

  async function open(operationDeadlineMs = 5_000): Promise<JobStore> {
    const url = `mongodb://${proxy.endpoint}/?directConnection=true`
    const adapters = mongo(url, {
      prefix: `job-faults-${randomUUID()}`,
      operationDeadlineMs,
      changeStreams: false,
    })
    onTestFinished(() => adapters.close())
    const store = adapters.storage[BACKEND]?.fuse({ scope: 'p:e:faults', ...adapters }) as JobStore
    await store.ready?.()
    await store.heartbeat({ id: 'w', leaseMs: 600_000, phase: 'join' }, [])
    // what a process asks for once
    await store.settle([], want(0))
    return store
  }

  describe.each(Object.entries(FAULTS))('when %s', (_name, fault) => {
    test('an insert makes each job once, and knows which are its own', async () => {
      const store = await open()
      await store.insert([job('known')])
      await loseAnswers(['insert'], fault)
      expect(await store.insert([job('a'), job('known'), job('b')])).toEqual([
        'inserted',
        'exists',
        'inserted',
      ])
      expect((await claim(store)).map(({ id }) => id)).toEqual(['known', 'a', 'b'])
      expect(await claim(store)).toEqual([])
    })

    test('a claim gives every job that it took, and its attempt counts once', async () => {
      const store = await open()
      await store.insert([job('a'), job('b'), job('c')])
      await loseAnswers(['update'], fault)
      const jobs = await claim(store, 2)
      expect(jobs.map(({ id, attempt }) => [id, attempt])).toEqual([
        ['a', 1],
        ['b', 1],
      ])
      expect((await store.get(['a', 'b', 'c'])).map((one) => [one?.state, one?.attempt])).toEqual([
        ['running', 1],
        ['running', 1],
        ['pending', 0],
      ])
      expect((await store.heartbeat({ id: 'w', leaseMs: 600_000, claimGraceMs: 0 }, jobs)).lost).toEqual([])
    })

    test('what a woken worker takes at once it gets, and no second one instead', async () => {
      const store = await open()
      const stop = await store.subscribe(['mail'], () => undefined)
      await store.insert([job('a'), job('b')])
      await loseAnswers(['findAndModify'], fault)
      const first = await claim(store, 1)
      expect(first.map(({ id, attempt }) => [id, attempt])).toEqual([['a', 1]])
      expect((await store.get(['a', 'b'])).map((one) => [one?.state, one?.attempt])).toEqual([
        ['running', 1],
        ['pending', 0],
      ])
      expect((await store.heartbeat({ id: 'w', leaseMs: 600_000, claimGraceMs: 0 }, first)).lost).toEqual([])
      expect((await claim(store)).map(({ id }) => id)).toEqual(['b'])
      await stop()
    })

    test('a settle ends each job once, and counts it once', async () => {
      const store = await open()
      const ids = Array.from({ length: 30 }, (_, i) => `job-${i}`)
      await store.insert(ids.map((id) => job(id, { maxRetries: 1 })))
      const jobs = await claim(store)
      const outcomes = jobs.map(({ id, token }, i): Outcome => {
        if (i < 20) return { id, token, kind: 'complete', durationMs: 5 }
        return i < 25
          ? { id, token, kind: 'fail', reason: 'error', error: { name: 'E', message: 'x' } }
          : { id, token, kind: 'retry', delayMs: 0, error: { name: 'E', message: 'x' } }
      })
      await loseAnswers(['update'], fault)
      expect((await store.settle(outcomes)).settled).toEqual(ids.map(() => 'ok'))
      // and as the runtime would, when it did not hear of it
      expect((await store.settle(outcomes)).settled).toEqual(ids.map(() => 'ok'))
      const counts = { completed: 20, failed: 5, cancelled: 0, durationMs: 100, pending: 5, running: 0 }
      expect((await store.counts()).types.mail).toMatchObject(counts)
      expect((await claim(store)).map(({ failures }) => failures)).toEqual([1, 1, 1, 1, 1])
    })

    test('a cancellation by hand ends the job once, and counts it once', async () => {
      const store = await open()
      await store.insert([job('a'), job('gone', { retention: { cancelled: { count: 0 } } })])
      await loseAnswers(['update'], fault)
      expect(await store.change(['a'], { kind: 'cancel', reason: 'by hand' })).toEqual(['ok'])
      await loseAnswers(['update'], fault)
      expect(await store.change(['gone'], { kind: 'cancel' })).toEqual(['ok'])
      expect((await store.counts()).types.mail).toMatchObject({ cancelled: 2, pending: 0 })
      expect(await store.get(['a', 'gone'])).toMatchObject([{ state: 'cancelled', reason: 'by hand' }, null])
    })

    test('a sweep counts each crash once', async () => {
      const store = await open()
      await store.insert([job('a'), job('b', { maxCrashes: 1 })])
      await store.heartbeat({ id: 'dies', leaseMs: 1, phase: 'join' }, [])
      await claim(store, 2, 'dies')
      await loseAnswers(['update'], fault)
      const dead: string[] = []
      await expect
        .poll(async () => {
          dead.push(...(await store.sweep({})).dead)
          return (await store.get(['a', 'b'])).map((one) => [one?.state, one?.crashes, one?.reason])
        }, SOON)
        .toEqual([
          ['pending', 1, null],
          ['failed', 1, 'crashed'],
        ])
      expect((await store.counts()).types.mail).toMatchObject({ failed: 1, pending: 1, running: 0 })
    })

    test('places under maxActive are neither exceeded nor lost', async () => {
      const store = await open()
      await store.insert(['a', 'b', 'c'].map((id) => job(id)))
      await loseAnswers(['findAndModify', 'update'], fault)
      const two = { worker: 'w', limit: 3, types: [{ type: 'mail', maxActive: 2 }] }
      const { jobs } = await store.settle([], two)
      expect(jobs.map(({ id }) => id)).toEqual(['a', 'b'])
      expect((await store.settle([], two)).jobs).toEqual([])
      const [a] = jobs as [ClaimedJob]
      const next = await store.settle([{ id: a.id, token: a.token, kind: 'complete' }], two)
      expect(next.jobs.map(({ id }) => id)).toEqual(['c'])
    })
  })

  test('a server that answers nothing more makes calls reject as ambiguous, and the store works again afterwards', async () => {
    const store = await open(1_000)
    await store.insert([job('a')])
    await loseAnswers(['insert', 'update'], { closeConnection: true }, 1_000_000)
    await expect(store.insert([job('b')])).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })
    await expect(claim(store)).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })
    await admin.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' })
    expect(await store.insert([job('b')])).toEqual(['inserted'])
    expect((await claim(store)).map(({ id }) => id)).toEqual(['a', 'b'])
  })
})

function want(limit: number, worker = 'w') {
  return { worker, limit, types: [{ type: 'mail' }] }
}

async function claim(store: JobStore, limit = 100, worker?: string): Promise<readonly ClaimedJob[]> {
  return (await store.settle([], want(limit, worker))).jobs
}

function job(id: string, more: Partial<NewJob> = {}): NewJob {
  return { id, type: 'mail', payload: { of: id }, priority: 0, ...more }
}
