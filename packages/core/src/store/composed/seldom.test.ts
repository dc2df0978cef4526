import { expect, test } from 'vitest'
import { EmptyLogger } from '../../telemetry/logger.ts'
import { ManualClock } from '../../values/manual-clock.ts'
import { seldom } from './seldom.ts'

test('a warning comes at once, then once a minute with how often it was meant; others are not held back', async () => {
  const clock = new ManualClock()
  const lines: unknown[] = []
  const logger = seldom(
    Object.assign(new EmptyLogger(), {
      warn: (message: string, metadata?: object) => lines.push([message, metadata]),
      error: (message: string) => lines.push([message]),
    }),
    clock,
  )
  logger.warn('gone', { jobs: 1 })
  logger.warn('gone', { jobs: 2 })
  logger.warn('slow')
  logger.error('broken')
  logger.error('broken')
  await clock.advance(60_000)
  logger.warn('gone', { jobs: 3 })
  await clock.advance(60_000)
  logger.warn('gone', { jobs: 4 })
  expect(lines).toEqual([
    ['gone', { jobs: 1 }],
    ['slow', undefined],
    ['broken'],
    ['broken'],
    ['gone', { jobs: 3, times: 2 }],
    ['gone', { jobs: 4 }],
  ])
})
