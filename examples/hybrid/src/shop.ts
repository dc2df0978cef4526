import { openOrders } from './orders.ts'

const orders = await openOrders({ ships: false })
for (let i = 1; i <= 500; i++) await orders.place(`customer ${i}`, i)
const { placed, shipped } = await orders.count()
console.log(`${placed} orders placed, ${shipped} of them shipped by now`)
await orders.close()
