import { setTimeout as sleep } from 'node:timers/promises'
import { defineJob, JobScheduler } from '@sched/core'
import { mongo } from '@sched/mongo'
import { z } from 'zod'

export const thumbnail = defineJob({
  type: 'thumbnail',
  schema: z.object({ image: z.int() }),
  maxRetries: 3,
  async handle({ image }) {
    await sleep(5)
    console.log(`done ${image}`)
  },
})

/** What this process shares with the others; a worker that dies is noticed within two seconds here. */
export function openScheduler() {
  return new JobScheduler({
    adapters: mongo(process.env.MONGODB_URL ?? 'mongodb://127.0.0.1:27017/?replicaSet=rs0'),
    project: 'thumbnails',
    environment: process.env.THUMBNAILS_ENVIRONMENT ?? 'example',
    jobs: [thumbnail],
    jobLockTTL: '2s',
    leaderLockTTL: '2s',
    workerInactiveCheckInterval: '500ms',
  })
}
