import { expect, test } from 'vitest'
import { systemClock } from '../values/clock.ts'
import { readSettings } from './scheduler-options.ts'

const adapters = {}
function memory() {
  return adapters
}

test.each([
  [undefined, /new JobScheduler\(\) takes an object/],
  [{ adapters: null }, /adapters must be .* not null/],
  [{ adapters: 5 }, /adapters must be \{ storage, broker, lock \}, such as memory\(\).*not 5/],
  [{ adapters: Promise.resolve(adapters) }, /adapters is a promise: write adapters: await createAdapters/],
  [{ redis: 'redis://h' }, /redis is given, but no mode: write mode: 'redis'/],
  [{ storage: adapters }, /storage is given, but no mode: write adapters: \{ storage, broker, lock \}/],
  [{ adapters, mode: 'redis' }, /adapters and mode 'redis' exclude each other/],
  [{ mode: 'redis' }, /mode 'redis' needs the option redis: a URL such as redis:/],
  [{ adapter: adapters }, /no option "adapter": did you mean "adapters"\?/],
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
  [{ adapters, maxConcurrentJob: 5 }, /no option "maxConcurrentJob": did you mean "maxConcurrentJobs"\?/],
])('%o is refused', (options, message) => {
  expect(() => readSettings(options as never)).toThrow(message)
  expect(() => readSettings(options as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('a mode is what the options say, else custom with adapters, else default and unchosen', () => {
  expect(readSettings({ adapters } as never)).toMatchObject({ mode: 'custom', adapters, isUnchosen: false })
  expect(readSettings({ adapters, mode: 'custom' } as never)).toMatchObject({ mode: 'custom', adapters })
  expect(readSettings({})).toMatchObject({ mode: 'default', isUnchosen: true })
  expect(readSettings({ mode: 'default' })).toMatchObject({ mode: 'default', isUnchosen: false })
  expect(readSettings({ mode: 'hybrid-db', redis: 'redis://h', postgres: 'postgres://h/d' })).toMatchObject({
    adapters: { storage: 'postgres', broker: 'redis', lock: 'redis' },
  })
})

test('what is left out gets its default', () => {
  expect(readSettings({ adapters, logger: undefined, fuse: true } as never)).toMatchObject({
    maxConcurrentJobs: 20,
    jobLockMs: 60_000,
    clock: systemClock,
    closeAdapters: true,
  })
})
