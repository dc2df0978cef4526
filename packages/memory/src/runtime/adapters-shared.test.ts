import { defineJob, JobScheduler } from '@sched/core'
import { expect, test } from 'vitest'
import { memory } from '../memory.ts'

const job = defineJob({ type: 'job', handle() {} })

test('the last scheduler to stop closes the adapters they share, started or not', async () => {
  const adapters = memory()
  const one = new JobScheduler({ adapters, jobs: [job] })
  const two = new JobScheduler({ adapters, jobs: [job] })
  await one.start()
  await one.stop()
  await one.stop(true)
  await two.start()
  await two.enqueue(job)
  await two.stop()
  await expect(adapters.storage.get('ns', 'id')).rejects.toMatchObject({ code: 'CLOSED' })
})

test('closeAdapters: false leaves them open, for a scheduler that comes later', async () => {
  const adapters = memory()
  const one = new JobScheduler({ adapters, jobs: [defineJob({ type: 'job' })], closeAdapters: false })
  const id = await one.enqueue('job')
  await one.stop()
  const two = new JobScheduler({ adapters, jobs: [job] })
  await two.start()
  expect(await two.drain({ timeout: 5_000 })).toBe(true)
  expect((await two.getJob(id))?.state).toBe('completed')
  await two.stop()
})

test('different projects and environments never meet on the same adapters', async () => {
  const adapters = memory()
  const one = new JobScheduler({ adapters, jobs: [defineJob({ type: 'job' })], project: 'a' })
  const two = new JobScheduler({ adapters, jobs: [job], project: 'a', environment: 'b' })
  const three = new JobScheduler({ adapters, jobs: [job], project: 'a:b' })
  await one.enqueue('job')
  for (const other of [two, three]) {
    await other.start()
    expect(await other.countJobs()).toBe(0)
    expect((await other.workers()).map(({ id }) => id)).toEqual([other.workerId])
  }
  for (const scheduler of [one, two, three]) await scheduler.stop()
})

test('misspelt or senseless options are refused by name', () => {
  const adapters = memory()
  const make = (options: object) => () => new JobScheduler({ adapters, ...options })
  expect(make({ maxConcurency: 5 })).toThrow(/there is no option "maxConcurency"/)
  expect(make({ maxConcurrentJobs: 0 })).toThrow(/maxConcurrentJobs must be an integer from 1 to 1000/)
  expect(make({ jobLockTTL: 'soon' })).toThrow(/jobLockTTL: "soon" is no length of time/)
  expect(make({ jobLockTTL: 5 })).toThrow(/jobLockTTL must be at least 100 ms/)
  expect(make({ project: '' })).toThrow(/project must not be empty/)
  expect(make({ adapters: { storage: {} } })).toThrow(/storage/)
  expect(make({ jobs: [job, job] })).toThrow(/"job" is registered already/)
})
