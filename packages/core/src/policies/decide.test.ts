import { expect, test } from 'vitest'
import { DEFAULT_BACKOFF } from './backoff.ts'
import { type DecidedJob, decide } from './decide.ts'
import { toError, toJobError } from './job-error.ts'

const job = (over: Partial<DecidedJob> = {}): DecidedJob => ({
  id: 'j',
  token: 't',
  failures: 0,
  maxRetries: 2,
  delivery: 'at-least-once',
  ...over,
})
const random = (): number => 0
const failed = { kind: 'failed', error: new Error('boom'), reason: 'error' } as const

test('a failure is retried up to maxRetries times, then is a dead letter with its reason', () => {
  expect(decide(failed, job(), DEFAULT_BACKOFF, random)).toMatchObject({ kind: 'retry', delayMs: 10_000 })
  expect(decide(failed, job({ failures: 1 }), DEFAULT_BACKOFF, random)).toMatchObject({
    kind: 'retry',
    delayMs: 20_000,
  })
  expect(
    decide({ ...failed, reason: 'timeout' }, job({ failures: 2 }), DEFAULT_BACKOFF, random),
  ).toMatchObject({
    kind: 'fail',
    reason: 'timeout',
    error: { name: 'Error', message: 'boom' },
  })
})

test('an at-most-once job is never run again, neither after a failure nor after an interruption', () => {
  const once = job({ delivery: 'at-most-once' })
  expect(decide(failed, once, DEFAULT_BACKOFF, random).kind).toBe('fail')
  expect(decide({ kind: 'interrupted', error: new Error('stop') }, once, DEFAULT_BACKOFF, random).kind).toBe(
    'fail',
  )
})

test('an interruption gives the attempt back, also without retries left; a refused payload and expiry fail at once', () => {
  expect(
    decide(
      { kind: 'interrupted', error: new Error('stop') },
      job({ maxRetries: 0 }),
      DEFAULT_BACKOFF,
      random,
    ),
  ).toEqual({
    id: 'j',
    token: 't',
    kind: 'snooze',
    delayMs: 0,
  })
  expect(decide({ kind: 'refused', error: new Error('no') }, job(), DEFAULT_BACKOFF, random)).toMatchObject({
    kind: 'fail',
    reason: 'payload',
  })
  expect(decide({ kind: 'expired', error: new Error('late') }, job(), DEFAULT_BACKOFF, random)).toMatchObject(
    {
      kind: 'fail',
      reason: 'expired',
    },
  )
  expect(decide({ kind: 'cancelled' }, job(), DEFAULT_BACKOFF, random)).toEqual({
    id: 'j',
    token: 't',
    kind: 'cancel',
  })
})

test('anything thrown becomes a stored error', () => {
  expect(toJobError(Object.assign(new TypeError('bad\ud800\0'), { code: 'E1' }))).toMatchObject({
    name: 'TypeError',
    message: 'bad\ufffd\ufffd',
    code: 'E1',
  })
  expect(toJobError('text')).toEqual({ name: 'Error', message: 'text' })
  expect(toJobError({ a: 1 }).message).toBe('{"a":1}')
  expect(toJobError(undefined).message).toBe('undefined')
  const hostile = new Proxy(
    {},
    {
      get() {
        throw new Error('no')
      },
    },
  )
  expect(toJobError(hostile).message).toBe('an error that cannot be read was thrown')
  expect(toJobError(new Error('x'.repeat(100_000))).message.length).toBeLessThan(10_000)
  expect(toError('text')).toBeInstanceOf(Error)
})
