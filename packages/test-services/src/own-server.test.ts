import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startMongo, startPostgres, startRedis } from './own-server.ts'
import type { Server } from './server.ts'
import { isWanted, serviceUrl } from './service-url.ts'

function owned<S extends Server>(server: S): S {
  onTestFinished(() => server.stop())
  return server
}

describe.skipIf(!isWanted('redis'))('a Redis of its own', () => {
  it('takes settings, keeps its data over a kill and its address over a restart', async () => {
    const server = owned(
      await startRedis({ config: { requirepass: 's/cret', appendonly: 'yes', appendfsync: 'always' } }),
    )
    expect(server.url).not.toBe(serviceUrl('redis'))
    const first = server.pid

    const client = new Redis(server.url)
    await client.set('kept', 'yes')
    client.disconnect()
    await server.kill('SIGKILL')
    expect(server.pid).toBeUndefined()
    await server.start()
    expect(server.pid).not.toBe(first)

    const again = new Redis(server.url)
    onTestFinished(() => again.disconnect())
    expect(await again.get('kept')).toBe('yes')
  })

  it('says what the program complained about when it does not start', async () => {
    await expect(startRedis({ config: { 'no-such-setting': '1' } })).rejects.toThrow(/no-such-setting/)
  })
})

describe.skipIf(!isWanted('postgres'))('a PostgreSQL of its own', () => {
  it('keeps its data over a restart', async () => {
    const server = owned(await startPostgres({ settings: { max_prepared_transactions: '3' } }))
    await asked(server, 'create table kept (id int)')
    await server.restart()
    await asked(server, 'insert into kept values (1)')
    await server.restart('SIGKILL')
    expect(await asked(server, 'select * from kept')).toEqual([{ id: 1 }])
    expect(await asked(server, 'show max_prepared_transactions')).toEqual([
      { max_prepared_transactions: '3' },
    ])
  })

  async function asked(server: Server, statement: string): Promise<unknown[]> {
    const client = new pg.Client(server.url)
    await client.connect()
    try {
      return (await client.query(statement)).rows
    } finally {
      await client.end()
    }
  }
})

describe.skipIf(!isWanted('mongo'))('a MongoDB of its own', () => {
  it('can be a standalone', async () => {
    const server = owned(await startMongo({ replicaSet: false }))
    expect(await hello(server)).not.toHaveProperty('setName')
  })

  it('is primary again after a kill', async () => {
    const server = owned(await startMongo())
    await server.restart('SIGKILL')
    expect(await hello(server)).toMatchObject({ setName: 'rs0', isWritablePrimary: true })
  })

  async function hello(server: Server): Promise<unknown> {
    const client = new MongoClient(server.url, { directConnection: true })
    try {
      return await client.db('admin').command({ hello: 1 })
    } finally {
      await client.close()
    }
  }
})
