import { openOrders } from './orders.ts'

const orders = await openOrders({ ships: true })
await orders.scheduler.start()
console.log('ready')
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void orders.close())
