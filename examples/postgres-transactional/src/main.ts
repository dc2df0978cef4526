import { openShop } from './shop.ts'

const ORDERS = [
  ['ada', 30],
  ['bob', -1],
  ['eve', 12],
] as const

let sent = 0
let done: () => void = () => undefined
const allSent = new Promise<void>((resolve) => {
  done = resolve
})
const shop = await openShop('sched_shop', (order) => {
  console.log(`receipt for order ${order}`)
  if (++sent === 2) done()
})
await shop.scheduler.start()
for (const [customer, amount] of ORDERS) {
  try {
    console.log(`${customer}: order ${await shop.placeOrder(customer, amount)}`)
  } catch (error) {
    console.log(`${customer}: ${(error as Error).message}`)
  }
}
await allSent
await shop.close()
