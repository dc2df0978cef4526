import { openScheduler } from './thumbnails.ts'

const scheduler = openScheduler()
await scheduler.start()
console.log('ready')
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => scheduler.stop())
