import { expect, test } from 'vitest'
import { z } from 'zod'
import { DEFAULT_BACKOFF } from '../policies/backoff.ts'
import { ENQUEUE_OPTIONS, type EnqueueOptions } from './enqueue-options.ts'
import { type AnyJobDefinition, defineJob } from './job-definition.ts'
import { payloadSchema } from './payload-schema.ts'
import {
  buildOccurrence,
  buildRecord,
  type GivenOptions,
  plainRecord,
  scheduledOptions,
} from './record-builder.ts'
import { Registry } from './registry.ts'

const ids = { next: () => 'id' }

const given = (options: EnqueueOptions): GivenOptions => ({
  options,
  what: 'enqueue("plain")',
  known: ENQUEUE_OPTIONS,
})

const added = (definition: object) => new Registry().add(definition as AnyJobDefinition)

test('a definition gets its defaults', () => {
  expect(added(defineJob({ type: 'plain', handle() {} }))).toMatchObject({
    type: 'plain',
    priority: 1,
    maxRetries: 0,
    backoff: DEFAULT_BACKOFF,
    concurrency: undefined,
    timeoutMs: undefined,
    delivery: 'at-least-once',
  })
  expect(
    added(
      defineJob({
        type: 'full',
        timeout: '5s',
        stallTimeout: 100,
        backoffStrategy: 'linear',
        retention: { completed: { age: '1d', count: 5 } },
      }),
    ),
  ).toMatchObject({
    retention: { completed: { ageMs: 86_400_000, count: 5 } },
    timeoutMs: 5_000,
    stallTimeoutMs: 100,
    backoff: { type: 'linear', delay: 10_000 },
    handle: undefined,
  })
})

test.each([
  [{ type: '' }, /type must not be empty/],
  [{ type: 'x\0' }, /NUL/],
  [{ type: 'x', priority: 1.5 }, /the definition of "x": priority must be an integer from -20/],
  [{ type: 'x', priority: -21 }, /priority/],
  [{ type: 'x', concurrency: 0 }, /concurrency must be a positive integer, not 0/],
  [{ type: 'x', maxRetries: -1 }, /maxRetries/],
  [{ type: 'x', timeout: 'soon' }, /timeout: "soon" is no length of time/],
  [{ type: 'x', timeout: 0 }, /timeout must be longer than 0/],
  [{ type: 'x', delivery: 'exactly-once' }, /delivery must be/],
  [{ type: 'x', handle: 'f' }, /handle must be a function/],
  [{ type: 'x', schema: {} }, /schema must be a zod 4 schema/],
  [{ type: 'x', backoffStrategy: 'quick' }, /backoffStrategy must be 'exponential'/],
  [{ type: 'x', forkMode: true }, /there is no option "forkMode"/],
  [{ type: 'x', priority: '5' }, /not "5"/],
  [{ type: 'x', backoffStrategy: { type: 'linear', dealy: 5 } }, /no option "dealy".*delay/],
  [
    { type: 'x', backoffStrategy: { type: 'linear', delay: '1m', maxDelay: '1s' } },
    /maxDelay of 1000 ms is shorter/,
  ],
  [{ type: 'x', retention: 'forever' }, /retention: options must be an object.*not "forever"/],
  [{ type: 'x', retention: { complete: {} } }, /retention: there is no option "complete".*completed/],
  [{ type: 'x', retention: { failed: { ageMs: 5 } } }, /retention.failed: there is no option "ageMs".*age/],
  [{ type: 'x', retention: { failed: { count: -1 } } }, /retention.failed.count must be an integer/],
  [{ type: 'x', retention: { failed: { age: 'long' } } }, /retention.failed.age: "long" is no length/],
  [{ type: 'x', retries: 3 }, /there is no option "retries".*maxRetries/],
  [null, /must be an object/],
])('%j is refused', (definition, message) => {
  expect(() => added(definition as object)).toThrow(message)
})

test('a type is registered once; an unknown one is named with those that are known', () => {
  const registry = new Registry()
  registry.add(defineJob({ type: 'a', handle() {} }))
  registry.add(defineJob({ type: 'b', concurrency: 2, handle() {} }))
  registry.add(defineJob({ type: 'c' }))
  expect(() => registry.add(defineJob({ type: 'a' }))).toThrow(/"a" is registered already/)
  expect(() => registry.get('d')).toThrow(/"d".*a, b, c/)
  expect([registry.unlimited, registry.limited, registry.runnable]).toEqual([
    [{ type: 'a' }],
    [{ type: 'b', maxActive: 2 }],
    ['a', 'b'],
  ])
})

test('records say only what differs from the defaults of a store', () => {
  const plain = added(defineJob({ type: 'plain' }))
  expect(plainRecord(plain, null, ids)).toEqual({
    id: 'id',
    fresh: true,
    alike: plain,
    type: 'plain',
    payload: null,
    priority: 1,
  })
  const full = added(
    defineJob({
      type: 'full',
      maxRetries: 2,
      delivery: 'at-most-once',
      retention: { completed: { count: 0 } },
    }),
  )
  const at = new Date(5_000)
  expect(
    buildRecord(
      full,
      1,
      ids,
      given({
        id: 'own',
        priority: -3,
        entityId: 'e',
        runAt: at,
        expiresAt: at,
        timeout: '2s',
        backoffStrategy: 'linear',
      }),
    ),
  ).toEqual({
    id: 'own',
    type: 'full',
    payload: 1,
    priority: -3,
    maxRetries: 2,
    delivery: 'at-most-once',
    retention: { completed: { count: 0 } },
    rememberMs: 600_000,
    entityId: 'e',
    runAt: 5_000,
    expiresAt: 5_000,
    options: { timeout: 2_000, backoff: { ...DEFAULT_BACKOFF, type: 'linear' } },
  })
  expect(buildRecord(plain, 1, ids, given({ delay: '2s', expiresIn: '1m', expiresAt: at }))).toMatchObject({
    delayMs: 2_000,
    expiresInMs: 60_000,
  })
})

test.each([
  [{ runAt: new Date(Number.NaN) }, /enqueue\("plain"\): runAt must be a valid Date/],
  [{ delay: -1 }, /delay: -1 is no length of time/],
  [{ delay: Number.MAX_SAFE_INTEGER }, /longer than a Date can tell/],
  [{ expiresIn: 8.64e15 }, /longer than a Date can tell/],
  [{ runAt: 8.65e15 }, /runAt must be a valid Date/],
  [{ payload: 1 }, /no option "payload"; there are (?!.*payload)/],
  [null, /must be an object.*not null/],
  [5, /must be an object.*not 5/],
  [{ delay: 1, runAt: 2 }, /delay or runAt, not both/],
  [{ id: '' }, /id must not be empty/],
  [{ entityId: 7 }, /entityId must be a string/],
  [{ priority: 21 }, /priority/],
  [{ uniqueKey: 'x' }, /there is no option "uniqueKey"/],
  [{ backoffStrategy: () => 1 }, /backoffStrategy must be/],
])('enqueue with %j is refused', (options, message) => {
  const plain = added(defineJob({ type: 'plain' }))
  expect(() => buildRecord(plain, null, ids, given(options as EnqueueOptions))).toThrow(message)
})

test('what a schedule stores is all that its jobs need, without the definition', () => {
  const job = added(defineJob({ type: 'job', priority: 4, maxRetries: 2, delivery: 'at-most-once' }))
  const stored = scheduledOptions(job, { priority: 9, expiresIn: '10s', timeout: 5 }, 'schedule("s")')
  const identity = {
    id: 'occurrence:1',
    runAt: 1_000,
    occurrence: { schedule: 's', due: 1_000 },
    rememberMs: 1,
  }
  expect(buildOccurrence('job', { n: 1 }, { ...stored }, identity)).toEqual({
    ...identity,
    type: 'job',
    payload: { n: 1 },
    priority: 9,
    maxRetries: 2,
    delivery: 'at-most-once',
    expiresAt: 11_000,
    options: { timeout: 5 },
  })
  expect(buildOccurrence('job', null, {}, identity)).toMatchObject({
    priority: 1,
    maxRetries: 0,
    delivery: 'at-least-once',
  })
})

test('a schema that throws refuses the payload, and says so', () => {
  const schema = payloadSchema(
    'x',
    z.string().transform(() => {
      throw new Error('inside')
    }),
  )
  expect(() => schema?.parse('a')).toThrow(/the schema threw: inside/)
  expect(() => schema?.parse(1)).toThrow(/\(root\): Invalid input/)
})
