// Orders and receipts, some of them rolled back: every committed order gets its receipt, and nothing else does.
import assert from 'node:assert/strict'
import pg from 'pg'
import { openShop } from './shop.ts'

const PLACED = 200
const schema = `sched_shop_ci_${process.pid}`
const limit = setTimeout(() => {
  console.error('not all receipts were sent within 60 s')
  process.exit(1)
}, 60_000)

const receipts: number[] = []
let look: () => void = () => undefined
const shop = await openShop(schema, (order) => {
  receipts.push(order)
  look()
})
await shop.scheduler.start()

const placed: number[] = []
let refused = 0
for (let i = 0; i < PLACED; i++) {
  // every fourth is rolled back, after its receipt was enqueued
  await shop.placeOrder(`customer ${i}`, i % 4 === 3 ? -1 : i + 1).then(
    (order) => placed.push(order),
    () => refused++,
  )
}
await new Promise<void>((resolve) => {
  look = () => {
    if (receipts.length >= placed.length) resolve()
  }
  look()
})
const { completed, pending, running } = await shop.scheduler.getMetrics()
assert.equal(await shop.countOrders(), placed.length)
await shop.close()
assert.equal(refused, PLACED / 4)
assert.deepEqual(
  receipts.sort((a, b) => a - b),
  placed,
)
assert.ok(completed + pending + running <= placed.length, 'jobs of orders that were rolled back')

const client = new pg.Client(process.env.POSTGRES_URL)
await client.connect()
await client.query(`drop schema ${schema} cascade`)
await client.end()
clearTimeout(limit)
console.log(
  `${placed.length} orders, ${refused} rolled back: one receipt for each order, none for the others`,
)
