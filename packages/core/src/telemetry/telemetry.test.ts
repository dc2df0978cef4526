import { pino } from 'pino'
import { expect, test } from 'vitest'
import { Events } from './events.ts'
import { EmptyLogger } from './logger.ts'
import { toMetrics } from './metrics.ts'
import { PinoLogger } from './pino-logger.ts'
import { safeLogger } from './safe-logger.ts'

test('PinoLogger writes level, message and metadata, and an error with its stack', () => {
  const lines: Record<string, unknown>[] = []
  const logger = new PinoLogger(
    pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  )
  logger.debug('a')
  logger.info('b', { jobId: 'x' })
  logger.warn('c')
  logger.error('d', { error: new TypeError('boom') })
  expect(lines).toMatchObject([
    { level: 20, msg: 'a' },
    { level: 30, msg: 'b', jobId: 'x' },
    { level: 40, msg: 'c' },
    { level: 50, msg: 'd', err: { type: 'TypeError', message: 'boom', stack: expect.any(String) } },
  ])
})

test('PinoLogger makes its own instance where pino is installed', () => {
  expect(() => new PinoLogger()).not.toThrow()
})

test('once hears one event, and off takes it away before that', () => {
  const events = new Events(new EmptyLogger())
  const heard: string[] = []
  const a = () => void heard.push('a')
  const b = () => void heard.push('b')
  events.once('sweep', a)
  events.once('sweep', b)
  events.off('sweep', b)
  events.emit('sweep', {} as never)
  events.emit('sweep', {} as never)
  expect([heard, events.has('sweep')]).toEqual([['a'], false])
})

test('an event that there is not, and a listener that is none, are refused', () => {
  const events = new Events(new EmptyLogger())
  expect(() => events.on('compleeted' as never, () => {})).toThrow(
    /no event "compleeted"; there are .*completed/,
  )
  expect(() => events.off('compleeted' as never, () => {})).toThrow(/no event/)
  expect(() => events.once('completed', 5 as never)).toThrow(/"completed" must be a function, not 5/)
})

test('a listener that throws or rejects is logged, and the others still hear', async () => {
  const errors: unknown[] = []
  const logger = Object.assign(new EmptyLogger(), { error: (...args: unknown[]) => void errors.push(args) })
  const events = new Events(logger)
  const heard: string[] = []
  const job = {} as never
  events.on('started', () => {
    throw new Error('one')
  })
  events.on('started', (() => Promise.reject(new Error('two'))) as never)
  const third = () => void heard.push('three')
  events.on('started', third)
  events.emit('started', { job })
  await Promise.resolve()
  expect(heard).toEqual(['three'])
  expect(errors).toMatchObject([
    ['a listener of "started" failed', { error: { message: 'one' } }],
    ['a listener of "started" failed', { error: { message: 'two' } }],
  ])
  expect([events.has('started'), events.has('failed')]).toEqual([true, false])
  events.on('failed', third)
  events.off('failed', third)
  expect(events.has('failed')).toBe(false)
})

test('a logger that throws hurts nobody', () => {
  const boom = (): never => {
    throw new Error('disk full')
  }
  const logger = safeLogger({ debug: boom, info: boom, warn: boom, error: boom })
  for (const level of ['debug', 'info', 'warn', 'error'] as const)
    expect(() => logger[level]('x')).not.toThrow()
})

test('metrics sum over the types, with the mean duration of what completed', () => {
  const counts = {
    pending: 1,
    running: 2,
    completed: 4,
    failed: 1,
    cancelled: 0,
    durationMs: 100,
    paused: false,
  }
  const other = { ...counts, completed: 0, durationMs: 0, paused: true }
  expect(toMetrics({ types: { a: counts, b: other } })).toEqual({
    pending: 2,
    running: 4,
    completed: 4,
    failed: 2,
    cancelled: 0,
    averageDuration: 25,
    types: {
      a: {
        pending: 1,
        running: 2,
        completed: 4,
        failed: 1,
        cancelled: 0,
        averageDuration: 25,
        paused: false,
      },
      b: { pending: 1, running: 2, completed: 0, failed: 1, cancelled: 0, averageDuration: 0, paused: true },
    },
  })
})
