import { openScheduler, thumbnail } from './thumbnails.ts'

const scheduler = openScheduler()
const images = Array.from({ length: 2_000 }, (_, image) => ({ payload: { image } }))
await scheduler.enqueueMany(thumbnail, images)
console.log(`enqueued ${images.length}`)
await scheduler.stop()
