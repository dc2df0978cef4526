import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { isWanted, serviceUrl } from './service-url.ts'

describe.skipIf(!isWanted('redis'))('the shared Redis', () => {
  it('keeps what ioredis writes', async () => {
    const client = new Redis(serviceUrl('redis'))
    onTestFinished(() => client.disconnect())
    const key = `test-services:${process.pid}`

    expect(await client.set(key, 'kept', 'EX', 60)).toBe('OK')
    expect(await client.get(key)).toBe('kept')
    expect(await client.del(key)).toBe(1)
  })
})

describe.skipIf(!isWanted('postgres'))('the shared PostgreSQL', () => {
  it('commits what pg writes', async () => {
    const client = new pg.Client(serviceUrl('postgres'))
    await client.connect()
    onTestFinished(() => client.end())

    await client.query('create temporary table kept (id bigint primary key, value jsonb)')
    await client.query('insert into kept values ($1, $2)', [1, { text: 'é' }])
    expect((await client.query('select value from kept')).rows).toEqual([{ value: { text: 'é' } }])
  })
})

describe.skipIf(!isWanted('mongo'))('the shared MongoDB', () => {
  it('commits transactions and shows them in change streams', async () => {
    const client = new MongoClient(serviceUrl('mongo'))
    onTestFinished(() => client.close())
    const database = client.db(`test_services_${process.pid}`)
    onTestFinished(async () => {
      await database.dropDatabase()
    })
    const collection = await database.createCollection<{ value: string }>('kept')
    const changes = collection.watch()
    onTestFinished(() => changes.close())
    const change = changes.next()

    await client.withSession((session) =>
      session.withTransaction(() => collection.insertOne({ value: 'kept' }, { session })),
    )
    expect(await change).toMatchObject({ operationType: 'insert', fullDocument: { value: 'kept' } })
  })
})

it('gives every project what it started', () => {
  const services = inject('services')
  for (const name of ['redis', 'postgres', 'mongo'] as const) {
    expect(services[name]?.url).toBe(isWanted(name) ? serviceUrl(name) : undefined)
  }
})
