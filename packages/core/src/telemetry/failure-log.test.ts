import { expect, test } from 'vitest'
import { ManualClock } from '../values/manual-clock.ts'
import { Events } from './events.ts'

function setup() {
  const clock = new ManualClock()
  const lines: string[] = []
  const metadata: unknown[] = []
  const line = (level: string) => (message: string, data?: object) => {
    lines.push(`${level} ${message}`)
    metadata.push(data)
  }
  const logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  return { clock, lines, metadata, events: new Events(logger, clock) }
}

test('a failure in the background is logged at once, then once a minute with its count, and when it works again', async () => {
  const { clock, lines, metadata, events } = setup()
  const told: string[] = []
  events.on('error', ({ during }) => told.push(during))
  const error = new Error('away')
  for (let second = 0; second < 130; second++) {
    events.failed('heartbeat', error)
    await clock.advance(1_000)
  }
  events.failed('sweep', error)
  events.worked('heartbeat')
  events.worked('heartbeat')
  expect(lines).toEqual([
    'error heartbeat failed',
    'error heartbeat goes on failing: 60 more times',
    'error heartbeat goes on failing: 60 more times',
    'error sweep failed',
    'info heartbeat works again',
  ])
  expect(metadata).toMatchObject([{ error }, { error, failures: 60 }, {}, { error }, { failures: 130 }])
  expect(told).toHaveLength(131)
  events.failed('heartbeat', error)
  expect(lines.at(-1)).toBe('error heartbeat failed')
})

test('what is about one job names it', () => {
  const { metadata, events } = setup()
  const told: unknown[] = []
  events.on('error', (event) => told.push(event))
  events.failed('starting an occurrence', 'x', 'job-1')
  expect(metadata).toEqual([{ jobId: 'job-1', error: 'x' }])
  expect(told).toEqual([{ during: 'starting an occurrence', error: 'x', jobId: 'job-1' }])
})
