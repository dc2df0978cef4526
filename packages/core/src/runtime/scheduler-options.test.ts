import { expect, test } from 'vitest'
import { systemClock } from '../values/clock.ts'
import { readSettings } from './scheduler-options.ts'

const adapters = {}
function memory() {
  return adapters
}

test.each([
  [undefined, /new JobScheduler\(\) takes an object/],
  [{ jobs: [] }, /adapters must be \{ storage, broker, lock \}, such as memory\(\).*not undefined/],
  [{ adapters: null }, /adapters must be .* not null/],
  [{ adapters: memory }, /adapters is the function memory: did you mean memory\(\)\?/],
  [{ adapters, jobs: { type: 'x' } }, /jobs must be an array of job definitions, not an object/],
  [{ adapters, logger: {} }, /logger, an object, lacks the methods debug, info, warn, error/],
  [{ adapters, logger: 'x' }, /logger, "x", lacks/],
  [{ adapters, clock: {} }, /clock, an object, lacks the methods now, monotonic, after/],
  [{ adapters, fuse: 'no' }, /fuse must be true or false, not "no"/],
  [{ adapters, closeAdapters: 0 }, /closeAdapters must be true or false, not 0/],
  [{ adapters, onJobFailed: 'x' }, /onJobFailed must be a function, not "x"/],
  [{ adapters, random: 4 }, /random must be a function, not 4/],
  [{ adapters, maxConcurrentJobs: '5' }, /maxConcurrentJobs must be an integer from 1 to 1000, not "5"/],
  [
    { adapters, maxConcurrentJob: 5 },
    /no option "maxConcurrentJob"; there are adapters, .*maxConcurrentJobs/,
  ],
])('%o is refused', (options, message) => {
  expect(() => readSettings(options as never)).toThrow(message)
  expect(() => readSettings(options as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('what is left out gets its default', () => {
  expect(readSettings({ adapters, logger: undefined, fuse: true } as never)).toMatchObject({
    maxConcurrentJobs: 20,
    jobLockMs: 60_000,
    clock: systemClock,
    closeAdapters: true,
  })
})
