// Checked by tsc: what a schema says is what enqueue, schedule and handle accept. Nothing here runs.
import { z } from 'zod'
import type { Adapters } from '../contracts/backend.ts'
import { defineJob, type JobDefinition } from './job-definition.ts'
import { JobScheduler } from './scheduler.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const expectType = <T extends true>(_proof?: T): void => undefined

declare const adapters: Adapters

const sendEmail = defineJob({
  type: 'send-email',
  schema: z.object({ to: z.email(), sendBy: z.date(), copies: z.coerce.number().default(1) }),
  concurrency: 5,
  backoffStrategy: (failures) => failures * 1_000,
  async handle(data, ctx) {
    expectType<Equal<typeof data, { to: string; sendBy: Date; copies: number }>>()
    expectType<Equal<typeof ctx.payload, { to: string; sendBy: Date; copies?: unknown }>>()
    expectType<Equal<typeof ctx.attempt, number>>()
    // @ts-expect-error the schema has no such property
    data.subject
    // @ts-expect-error no such level
    await ctx.log('fatal', 'x')
  },
})

const tick = defineJob({
  type: 'tick',
  handle(data) {
    expectType<Equal<typeof data, undefined>>()
  },
})

const shape = z.string().transform((text) => text.length)
const length: JobDefinition<typeof shape, 'length'> = {
  type: 'length',
  schema: shape,
  handle(data) {
    expectType<Equal<typeof data, number>>()
  },
}

// @ts-expect-error a definition needs its type
defineJob({ handle() {} })
// @ts-expect-error not a level of delivery
defineJob({ type: 'x', delivery: 'exactly-once' })
// @ts-expect-error fork mode is not offered yet, and is not silently ignored
defineJob({ type: 'x', forkMode: true })

const scheduler = new JobScheduler({ adapters, jobs: [sendEmail, tick, length] })
const sendBy = new Date()

export async function byDefinition(): Promise<void> {
  const id = await scheduler.enqueue(sendEmail, { to: 'a@b.c', sendBy }, { priority: 5, expiresIn: '5m' })
  expectType<Equal<typeof id, string>>()
  await scheduler.enqueue(tick)
  await scheduler.enqueue(tick, undefined, { delay: '1s' })
  await scheduler.enqueue(length, 'text')
  // @ts-expect-error the payload is missing
  await scheduler.enqueue(sendEmail)
  // @ts-expect-error `to` must be text
  await scheduler.enqueue(sendEmail, { to: 1, sendBy })
  // @ts-expect-error `sendBy` is missing
  await scheduler.enqueue(sendEmail, { to: 'a@b.c' })
  // @ts-expect-error no such property
  await scheduler.enqueue(sendEmail, { to: 'a@b.c', sendBy, subject: 'x' })
  // @ts-expect-error the handler's output is a number, but what is enqueued is the input
  await scheduler.enqueue(length, 4)
  // @ts-expect-error a job without a payload takes none
  await scheduler.enqueue(tick, { n: 1 })
  // @ts-expect-error no such option
  await scheduler.enqueue(tick, undefined, { prio: 1 })
  // @ts-expect-error a function cannot be stored with a job
  await scheduler.enqueue(tick, undefined, { backoffStrategy: () => 1 })
  // @ts-expect-error unique keys are not offered yet, and are not silently ignored
  await scheduler.enqueue(tick, undefined, { uniqueKey: 'x' })
}

export async function byName(): Promise<void> {
  await scheduler.enqueue('send-email', { to: 'a@b.c', sendBy })
  await scheduler.enqueue('tick')
  // @ts-expect-error `to` must be text
  await scheduler.enqueue('send-email', { to: 1, sendBy })
  // @ts-expect-error the payload is missing
  await scheduler.enqueue('send-email')
  // @ts-expect-error no such type is registered
  await scheduler.enqueue('send-mail', { to: 'a@b.c', sendBy })
}

export async function many(): Promise<void> {
  const ids = await scheduler.enqueueMany(sendEmail, [{ payload: { to: 'a@b.c', sendBy }, priority: 2 }])
  expectType<Equal<typeof ids, string[]>>()
  await scheduler.enqueueMany('tick', [{}, { delay: 5 }])
  // @ts-expect-error the payload is missing
  await scheduler.enqueueMany('send-email', [{ priority: 2 }])
  // @ts-expect-error `to` must be text
  await scheduler.enqueueMany(sendEmail, [{ payload: { to: 1, sendBy } }])
}

export async function schedules(): Promise<void> {
  const daily = {
    scheduleType: 'cron',
    scheduleValue: '0 0 * * *',
    timeZone: 'Europe/Paris',
    enabled: true,
  } as const
  await scheduler.schedule('daily', sendEmail, { to: 'a@b.c', sendBy }, daily)
  await scheduler.schedule('named', 'send-email', { to: 'a@b.c', sendBy }, { ...daily, priority: 3 })
  await scheduler.schedule('tick', tick, undefined, { scheduleType: 'interval', scheduleValue: '5m' })
  await scheduler.schedule('once', tick, undefined, { scheduleType: 'once', scheduleValue: sendBy })
  // @ts-expect-error `to` must be text
  await scheduler.schedule('daily', sendEmail, { to: 1, sendBy }, daily)
  // @ts-expect-error no such kind of schedule
  await scheduler.schedule('daily', tick, undefined, { scheduleType: 'daily', scheduleValue: 1 })
}

export async function registeredLater(): Promise<void> {
  const later = defineJob({ type: 'later', schema: z.object({ n: z.number() }), handle: ({ n }) => n })
  // @ts-expect-error this scheduler does not know the type by name
  await scheduler.enqueue('later', { n: 1 })
  await scheduler.enqueue(later, { n: 1 })
  const known = scheduler.registerJob(later)
  await known.enqueue('later', { n: 1 })
  await known.enqueue('tick')
  // @ts-expect-error `n` must be a number
  await known.enqueue('later', { n: 'x' })
}

export async function untyped(any: JobScheduler): Promise<void> {
  await any.enqueue('whatever', { n: 1 })
  await any.enqueue(sendEmail, { to: 'a@b.c', sendBy })
  // @ts-expect-error a definition brings its own types
  await any.enqueue(sendEmail, { to: 1, sendBy })
}

/** A scheduler that knows its types is a scheduler. */
export const someScheduler: JobScheduler = scheduler

export function events(): void {
  scheduler.on('completed', ({ job, durationMs }) => {
    expectType<Equal<typeof job.id, string>>()
    expectType<Equal<typeof durationMs, number>>()
  })
  // @ts-expect-error no such event
  scheduler.on('finished', () => {})
}

// @ts-expect-error no such option
new JobScheduler({ adapters, concurrency: 5 })
