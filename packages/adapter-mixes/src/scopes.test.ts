/** Two environments and two projects on one server never see each other's jobs, locks, schedules, pauses or counters. */
import { defineJob, type Job, JobScheduler, type SchedulerAdapters } from '@sched/core'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { clearAll, freshOptions, MIXES, Told } from './backends.support.ts'

interface Tenant {
  readonly name: string
  readonly scheduler: JobScheduler
  readonly leads: Told<string>
  /** The payloads that its handler got, and the jobs that it heard of. */
  readonly got: Told<string>
  readonly ended: Told<Job>
}

/** The last two would meet in one scope if parts were joined as they are. */
const TENANTS = [
  { project: 'billing', environment: 'production' },
  { project: 'billing', environment: 'staging' },
  { project: 'shop', environment: 'production' },
  { project: 'a:b', environment: 'c' },
  { project: 'a', environment: 'b:c' },
]

const running: JobScheduler[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((scheduler) => scheduler.stop()))
})
afterAll(clearAll)

async function startTenants(options: SchedulerAdapters, fuse: boolean): Promise<Tenant[]> {
  const tenants = TENANTS.map(({ project, environment }): Tenant => {
    const [leads, got, ended] = [new Told<string>(), new Told<string>(), new Told<Job>()]
    const mail = defineJob({
      type: 'mail',
      schema: z.string(),
      concurrency: 1,
      handle: (to) => got.tell(to),
    })
    const scheduler = new JobScheduler({
      ...options,
      project,
      environment,
      fuse,
      jobs: [mail],
      jobProcessingInterval: 100,
      worker: 'same-name',
      onLeadershipAcquired: () => leads.tell('leader'),
    }) as unknown as JobScheduler
    scheduler.on('completed', ({ job }) => ended.tell(job))
    running.push(scheduler)
    return { name: `${project}/${environment}`, scheduler, leads, got, ended }
  })
  // one after the other: a process of its own each would make its connections, not share the start
  for (const { scheduler } of tenants) await scheduler.start()
  return tenants
}

/** Each mode fused and composed; nothing fuses across two servers. */
const KINDS = MIXES.flatMap((mode) => [true, false].map((fuse) => ({ mode, fuse }))).filter(
  ({ mode, fuse }) => !(mode === 'hybrid-db' && fuse),
)

describe.each(KINDS)('on one server each, mode $mode, fused: $fuse', ({ mode, fuse }) => {
  // five schedulers and their connections
  test('projects and environments are apart', { timeout: 90_000 }, async () => {
    const tenants = await startTenants(freshOptions(mode) as SchedulerAdapters, fuse)
    const [first, ...others] = tenants as [Tenant, ...Tenant[]]
    const { store } = await first.scheduler.describe()
    expect(store).toBe(fuse ? 'fused' : 'composed')

    // locks: each has a leader, the one worker it knows
    for (const { leads, scheduler } of tenants) {
      await leads.until((seen) => seen.length > 0)
      expect((await scheduler.workers()).map(({ id }) => id)).toEqual([scheduler.workerId])
    }

    // jobs: the same id in each is a job in each
    await Promise.all(tenants.map(({ scheduler, name }) => scheduler.enqueue('mail', name, { id: 'job-1' })))
    for (const { name, scheduler, got, ended } of tenants) {
      await ended.until((jobs) => jobs.length > 0)
      expect(got.seen).toEqual([name])
      expect((await scheduler.listJobs()).jobs.map(({ id, payload }) => [id, payload])).toEqual([
        ['job-1', name],
      ])
    }

    // pauses: a paused type runs everywhere else
    await first.scheduler.pause('mail')
    await Promise.all(tenants.map(({ scheduler, name }) => scheduler.enqueue('mail', name, { id: 'job-2' })))
    for (const { ended } of others) await ended.until((jobs) => jobs.length > 1)
    expect(await first.scheduler.getJob('job-2')).toMatchObject({ state: 'pending' })
    expect(await first.scheduler.countJobs({ type: 'mail', state: 'pending' })).toBe(1)
    for (const { scheduler } of others) expect(await scheduler.countJobs({ state: 'pending' })).toBe(0)

    // counters, and what one does to its own jobs
    await first.scheduler.cancelJob('job-2', 'not wanted')
    await first.scheduler.resume('mail')
    for (const { scheduler } of others)
      expect(await scheduler.getMetrics()).toMatchObject({ completed: 2, pending: 0, failed: 0 })
    expect(await first.scheduler.getMetrics()).toMatchObject({ completed: 1, pending: 0 })
    await others[0]!.scheduler.removeJob('job-1')
    for (const { scheduler, name } of tenants)
      expect((await scheduler.getJob('job-1')) === null).toBe(name === others[0]!.name)

    // schedules: the same name in each is a schedule in each
    const options = { scheduleType: 'once', scheduleValue: new Date(Date.now() + 3_600_000) } as const
    for (const { scheduler, name } of tenants) await scheduler.schedule('daily', 'mail', name, options)
    expect(await first.scheduler.removeSchedule('daily')).toBe(true)
    expect(await first.scheduler.listSchedules()).toEqual([])
    await others[0]!.scheduler.disableSchedule('daily')
    for (const { scheduler, name } of others)
      expect(await scheduler.listSchedules()).toMatchObject([
        { name: 'daily', payload: name, state: name === others[0]!.name ? 'inactive' : 'active' },
      ])
    await others[1]!.scheduler.runScheduleNow('daily')
    await others[1]!.got.until((seen) => seen.length > 2)
    for (const { got, name } of tenants) expect(new Set(got.seen)).toEqual(new Set([name]))
  })
})
