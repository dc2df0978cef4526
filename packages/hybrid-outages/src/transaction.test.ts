// An order and its job in one PostgreSQL transaction, where Redis moves the jobs: it may only hear of a job that is committed.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type IBrokerEngine, type JobStore, type NewJob, openJobStore } from '@sched/core/adapter'
import { createPostgresStorage } from '@sched/postgres'
import { redis } from '@sched/redis'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { REGISTER } from './worker-processes.ts'

const SCOPE = 's:p:e'
const TYPE = 'ship-order'
const place = { schema: `sched_hybrid_t${process.pid}`, prefix: `hybrid-t${process.pid}` }
const pool = new pg.Pool({ connectionString: serviceUrl('postgres'), max: 3 })

/** A process, as it were: a store of its own over connections of its own. */
async function open(): Promise<{ store: JobStore; broker: IBrokerEngine; close(): Promise<void> }> {
  const adapters = {
    ...redis(serviceUrl('redis'), { prefix: place.prefix }),
    storage: createPostgresStorage(serviceUrl('postgres'), { schema: place.schema, listen: false }),
  }
  const opened = openJobStore({ adapters, scope: SCOPE })
  await opened.ready()
  return { store: opened.store, broker: adapters.broker, close: () => opened.close() }
}

const node = await open()
const other = await open()

function job(id: string): NewJob {
  return { id, type: TYPE, payload: { order: id }, priority: 0 }
}

/** Whether Redis has the ids. */
async function inRedis(...ids: string[]): Promise<readonly boolean[]> {
  return node.broker.has!(`${SCOPE}:${TYPE}`, ids)
}

async function untilInRedis(id: string): Promise<void> {
  await expect.poll(() => inRedis(id), { timeout: 10_000, interval: 10 }).toEqual([true])
}

async function orders(): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(`select id from ${place.schema}.orders order by id`)
  return rows.map(({ id }) => id)
}

async function inTransaction(work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await work(client)
  } finally {
    client.release()
  }
}

beforeAll(async () => {
  await pool.query(`create table ${place.schema}.orders (id text primary key)`)
  await node.store.heartbeat({ id: 'w', leaseMs: 60_000, phase: 'join' }, [])
  await node.store.sweep({})
})

afterAll(async () => {
  await Promise.all([node.close(), other.close()])
  await pool.query(`drop schema ${place.schema} cascade`)
  await pool.end()
  const rest = redis(serviceUrl('redis'), { prefix: place.prefix, resetOnInit: true })
  await rest.broker.ready?.()
  await rest.close()
})

test('both are committed together; Redis hears of the job afterwards, and another process runs it', async () => {
  await inTransaction(async (client) => {
    await client.query(`insert into ${place.schema}.orders values ('kept')`)
    expect(await other.store.insert([job('kept'), job('kept')], { transaction: client })).toEqual([
      'inserted',
      'exists',
    ])
    expect(await node.store.get(['kept'])).toEqual([null])
    // neither its own looks nor a leader publish what is not committed
    await node.store.tend!()
    expect(await inRedis('kept')).toEqual([false])
    await client.query('commit')
  })
  await untilInRedis('kept')
  expect(await orders()).toContain('kept')
  const { jobs } = await node.store.settle([], { worker: 'w', limit: 10, types: [{ type: TYPE }] })
  expect(jobs).toMatchObject([{ id: 'kept', payload: { order: 'kept' }, attempt: 1 }])
  const [{ id, token }] = jobs as [(typeof jobs)[0]]
  expect((await node.store.settle([{ id, token, kind: 'complete' }])).settled).toEqual(['ok'])
})

test('what is rolled back leaves nothing: no order, no job, nothing in Redis', async () => {
  await inTransaction(async (client) => {
    await client.query(`insert into ${place.schema}.orders values ('gone')`)
    expect(await other.store.insert([job('gone')], { transaction: client })).toEqual(['inserted'])
    await client.query('rollback')
  })
  // a later one is found, so the earlier one has been looked for as well
  await inTransaction(async (client) => {
    await other.store.insert([job('later')], { transaction: client })
    await client.query('commit')
  })
  await untilInRedis('later')
  expect(await node.store.get(['gone'])).toEqual([null])
  expect(await inRedis('gone')).toEqual([false])
  expect(await orders()).not.toContain('gone')
  // its id is free
  expect(await node.store.insert([job('gone')])).toEqual(['inserted'])
})

test('an id that is taken is `exists`, and the transaction goes on', async () => {
  await node.store.insert([job('taken')])
  await inTransaction(async (client) => {
    expect(await other.store.insert([job('taken')], { transaction: client })).toEqual(['exists'])
    await client.query(`insert into ${place.schema}.orders values ('taken')`)
    await client.query('commit')
  })
  expect(await orders()).toContain('taken')
})

test('a process that dies between its commit and the publish: the leader publishes', async () => {
  const program = join(import.meta.dirname, 'commit-and-die.ts')
  const flags = ['--import', 'tsx', '--import', REGISTER, '--conditions=@sched/source']
  const urls = { postgresUrl: serviceUrl('postgres'), redisUrl: serviceUrl('redis') }
  const child = spawn(
    process.execPath,
    [...flags, program, JSON.stringify({ ...urls, ...place, scope: SCOPE })],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  const [, signal] = await once(child, 'exit')
  expect(signal).toBe('SIGKILL')
  expect(await orders()).toContain('orphan')
  expect(await node.store.get(['orphan'])).toMatchObject([{ state: 'pending' }])
  expect(await inRedis('orphan')).toEqual([false])
  await expect
    .poll(
      async () => {
        await node.store.tend!()
        return inRedis('orphan')
      },
      { timeout: 10_000, interval: 50 },
    )
    .toEqual([true])
})
