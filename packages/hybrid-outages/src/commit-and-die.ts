// Stores an order with its job in one transaction, and is gone before it can tell Redis.
import { openJobStore } from '@sched/core/adapter'
import { createPostgresStorage } from '@sched/postgres'
import { redis } from '@sched/redis'
import pg from 'pg'

const { postgresUrl, redisUrl, schema, prefix, scope } = JSON.parse(process.argv[2] ?? '')
const adapters = { ...redis(redisUrl, { prefix }), storage: createPostgresStorage(postgresUrl, { schema }) }
const never = (): Promise<never> => new Promise(() => undefined)
// it looks for the commit now and then, and could be quicker than the end
Object.assign(adapters.broker, { publish: never, publishMany: never })
const { store, ready } = openJobStore({ adapters, scope })
await ready()
const client = new pg.Client(postgresUrl)
await client.connect()
await client.query('begin')
await client.query(`insert into ${schema}.orders values ('orphan')`)
const job = { id: 'orphan', type: 'ship-order', payload: { order: 'orphan' }, priority: 0 }
await store.insert([job], { transaction: client })
await client.query('commit')
process.kill(process.pid, 'SIGKILL')
