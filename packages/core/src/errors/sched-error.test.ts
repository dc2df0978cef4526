import { expect, test } from 'vitest'
import { ERROR_CODES, type ErrorCode } from './codes.ts'
import * as errors from './sched-error.ts'

/** One of each, with what a message must say. */
const made: readonly (readonly [errors.SchedError, string])[] = [
  [new errors.InvalidArgumentError('limit must be 1'), 'limit must be 1'],
  [new errors.ValueUnserializableError('payload.a[1]', 'NaN cannot be stored'), 'payload.a[1]: NaN'],
  [
    new errors.ValueTooLargeError('payload', 20, 10),
    'payload takes 20 bytes encoded, more than the 10 allowed',
  ],
  [new errors.LeaseLostError('lost'), 'lost'],
  [new errors.ClosedError('the broker'), 'the broker is closed'],
  [new errors.UnavailableError('no answer'), 'no answer'],
  [new errors.UnsupportedError('not here'), 'not here'],
  [new errors.AdapterInvalidError('lacks save', ['save']), 'lacks save'],
  [
    new errors.AdapterNotInstalledError('@sched/redis', 'npm install @sched/redis', "mode 'redis' needs it"),
    "@sched/redis: mode 'redis' needs it; `npm install @sched/redis` installs it",
  ],
  [
    new errors.JobDefinitionNotFoundError('mail', ['a', 'b']),
    'no job of type "mail" is registered (registered are: a, b)',
  ],
  [new errors.JobAlreadyRegisteredError('mail'), '"mail" is registered already'],
  [
    new errors.PayloadValidationError('mail', [{ path: ['to', 0, 'name'], message: 'Required' }]),
    'to[0].name: Required',
  ],
  [new errors.JobNotFoundError('id-1'), 'no job id-1'],
  [new errors.JobStateError('is running'), 'is running'],
  [new errors.ScheduleNotFoundError('daily'), 'no schedule "daily"'],
  [new errors.ScheduleInvalidError('cron'), 'cron'],
  [new errors.DistributedLockError('held'), 'held'],
  [new errors.JobTimeoutError('id-1', 5), 'id-1 ran longer than its timeout of 5 ms'],
  [new errors.JobStalledError('id-1', 5), 'no sign of life for 5 ms'],
  [new errors.JobCancelledError('id-1'), 'id-1 was cancelled'],
  [new errors.JobExpiredError('id-1'), 'id-1 was not started before it expired'],
  [new errors.ShuttingDownError(), 'shutting down'],
]

test('every code has a class, whose errors carry it, their name, and what they are about', () => {
  for (const [error, text] of made) {
    expect(error).toBeInstanceOf(errors.SchedError)
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe(error.constructor.name)
    expect(error.message).toContain(text)
    expect(error.ambiguous).toBe(false)
    expect(String(error)).toBe(`${error.name}: ${error.message}`)
  }
  const codes = Object.keys(ERROR_CODES) as ErrorCode[]
  expect(made.map(([error]) => error.code).sort()).toEqual([...codes].sort())
})

test('cause and ambiguity are kept', () => {
  const cause = new Error('reset')
  const error = new errors.UnavailableError('no answer', { cause, ambiguous: true })
  expect(error.cause).toBe(cause)
  expect(error.ambiguous).toBe(true)
  expect('cause' in new errors.UnavailableError('no answer')).toBe(false)
})

test('details are fields', () => {
  expect(new errors.ValueUnserializableError('payload.a', 'x').path).toBe('payload.a')
  expect(new errors.AdapterInvalidError('x', ['save']).missing).toEqual(['save'])
  expect(new errors.PayloadValidationError('mail', []).type).toBe('mail')
  expect(new errors.JobNotFoundError('id-1').jobId).toBe('id-1')
})

test('paths read as code', () => {
  expect(errors.formatPath([])).toBe('(root)')
  expect(errors.formatPath(['items', 3, 'price'])).toBe('items[3].price')
})
