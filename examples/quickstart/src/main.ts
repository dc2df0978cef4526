import { defineJob, JobScheduler } from '@sched/core'
import { memory } from '@sched/memory'
import { z } from 'zod'

const sendEmail = defineJob({
  type: 'send-email',
  schema: z.object({ to: z.email(), sendBy: z.date() }),
  maxRetries: 3,
  async handle({ to, sendBy }, ctx) {
    await ctx.log('info', `attempt ${ctx.attempt}: a mail to ${to}, in time for ${sendBy.toISOString()}`)
  },
})

const scheduler = new JobScheduler({ adapters: memory(), jobs: [sendEmail], logger: console })
await scheduler.start()
await scheduler.enqueue(sendEmail, { to: 'ada@example.com', sendBy: new Date() }, { priority: 10 })
await scheduler.schedule(
  'digest',
  sendEmail,
  { to: 'all@example.com', sendBy: new Date() },
  {
    scheduleType: 'cron',
    scheduleValue: '0 9 * * 1-5',
    timeZone: 'Europe/Paris',
  },
)
process.once('SIGINT', () => scheduler.stop()) // Ctrl-C: no new jobs, waits for those that run
