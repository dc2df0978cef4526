// The guide's way from one backend to a hybrid and back: a second scheduler beside the first, which works off what it has left.
import { type AnyJobDefinition, defineJob, JobScheduler, type SchedulerOptions } from '@sched/core'
import { createPostgresStorage, postgres } from '@sched/postgres'
import { redis } from '@sched/redis'
import { serviceUrl } from '@sched/test-services'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'

const name = `sched_moving_t${process.pid}`
const schemas = { alone: `${name}_alone`, hybrid: `${name}_hybrid` }
type Adapters = NonNullable<SchedulerOptions<readonly AnyJobDefinition[]>['adapters']>

const PLACES: Readonly<Record<string, () => Adapters>> = {
  Redis: () => redis(serviceUrl('redis'), { prefix: `${name}-alone` }),
  PostgreSQL: () => postgres(serviceUrl('postgres'), { schema: schemas.alone }),
  hybrid: () => ({
    ...redis(serviceUrl('redis'), { prefix: `${name}-hybrid` }),
    storage: createPostgresStorage(serviceUrl('postgres'), { schema: schemas.hybrid }),
  }),
}

afterAll(async () => {
  const client = new pg.Client(serviceUrl('postgres'))
  await client.connect()
  for (const schema of Object.values(schemas)) await client.query(`drop schema if exists ${schema} cascade`)
  await client.end()
  for (const prefix of [`${name}-alone`, `${name}-hybrid`]) {
    const rest = redis(serviceUrl('redis'), { prefix, resetOnInit: true })
    await rest.storage.ready?.()
    await rest.close()
  }
})

for (const [from, to] of [
  ['Redis', 'hybrid'],
  ['PostgreSQL', 'hybrid'],
  ['hybrid', 'Redis'],
  ['hybrid', 'PostgreSQL'],
] as const) {
  test(`from ${from} to ${to}: what was enqueued before runs, delayed or not, and so does what comes after; each once`, async () => {
    const ran: string[] = []
    const job = defineJob({ type: 'move', handle: (_: undefined, { jobId }) => void ran.push(jobId) })
    const open = (place: string): JobScheduler =>
      new JobScheduler({ adapters: PLACES[place]!(), project: `${from}-${to}`, jobs: [job] })
    const before = open(from)
    await before.enqueue(job, undefined, { id: 'old' })
    await before.enqueue(job, undefined, { id: 'old-delayed', delay: 300 })

    // the next release: both run jobs, only the new one gets any
    const after = open(to)
    await Promise.all([before.start(), after.start()])
    await after.enqueue(job, undefined, { id: 'new' })
    expect(await before.drain({ timeout: '10s' })).toBe(true)
    expect(await after.drain({ timeout: '10s' })).toBe(true)
    await Promise.all([before.stop(), after.stop()])
    expect(ran.sort()).toEqual(['new', 'old', 'old-delayed'])
  })
}
