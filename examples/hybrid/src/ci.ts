// Orders are placed and two workers ship them; half-way Redis loses everything. Every order is shipped, and nothing else is.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startRedis } from '@sched/test-services'
import { Redis } from 'ioredis'
import pg from 'pg'

const FIRST = 400
const LATER = 200
const LIMIT_MS = 120_000

process.env.ORDERS_SCHEMA = `sched_orders_ci_${process.pid}`
// a Redis of its own: it is flushed
const server = await startRedis()
process.env.REDIS_URL = server.url
const { openOrders, SCHEMA } = await import('./orders.ts')

const register = join(import.meta.dirname, '../../../scripts/text-modules-register.mjs')
const shipments = new Set<string>()
const news = new EventEmitter<{ ready: []; shipped: [] }>()
news.setMaxListeners(0)

function startWorker(): ChildProcess {
  const program = join(import.meta.dirname, 'worker.ts')
  const flags = ['--import', 'tsx', '--import', register, '--conditions=@sched/source']
  const child = spawn(process.execPath, [...flags, program], { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word, order] = line.split(' ')
    if (word === 'ready') news.emit('ready')
    if (word !== 'shipped' || order === undefined) return
    shipments.add(order)
    news.emit('shipped')
  })
  return child
}

async function shipped(count: number): Promise<void> {
  while (shipments.size < count) await once(news, 'shipped')
}

const limit = setTimeout(() => {
  console.error(`not all orders were shipped within ${LIMIT_MS / 1000} s`)
  process.exit(1)
}, LIMIT_MS)

const orders = await openOrders({ ships: false })
let refused = 0
async function place(count: number): Promise<void> {
  for (let i = 1; i <= count; i++) {
    await orders.place(`customer ${i}`, i)
    // every tenth time somebody orders nothing: rolled back, after its job was enqueued
    if (i % 10 === 0) await orders.place(`customer ${i}`, 0).catch(() => refused++)
  }
}

await place(FIRST)
const workers = [startWorker(), startWorker()]
await once(news, 'ready')
await shipped(FIRST / 2)

const redis = new Redis(server.url)
await redis.flushall()
redis.disconnect()
await place(LATER)
await shipped(FIRST + LATER)
// what was shipped last is being settled
assert.equal(await orders.scheduler.drain({ timeout: '10s' }), true, 'jobs are left')
// counters are written a moment after what they count; a worker that ends leaves none unwritten
const ends = workers.map((worker) => once(worker, 'close'))
for (const worker of workers) worker.kill('SIGTERM')
for (const [code] of await Promise.all(ends)) assert.equal(code, 0, 'a worker did not end well')

const { placed, shipped: inDatabase } = await orders.count()
const { completed, failed, pending, running } = await orders.scheduler.getMetrics()
assert.equal(placed, FIRST + LATER)
assert.equal(inDatabase, placed)
assert.equal(refused, placed / 10)
assert.deepEqual(
  { completed, failed, pending, running },
  { completed: placed, failed: 0, pending: 0, running: 0 },
)

await orders.close()
const client = new pg.Client(process.env.POSTGRES_URL)
await client.connect()
await client.query(`drop schema ${SCHEMA} cascade`)
await client.end()
await server.stop()
clearTimeout(limit)
console.log(
  `${placed} orders, ${refused} rolled back, Redis flushed half-way: each order shipped once, none else`,
)
