import { expect, test } from 'vitest'
import { safeLogger } from './safe-logger.ts'

test('a line without metadata is logged as the message alone, so that console prints no undefined', () => {
  const calls: unknown[][] = []
  const note = (...args: unknown[]): void => void calls.push(args)
  const logger = safeLogger({ debug: note, info: note, warn: note, error: note })
  logger.warn('alone')
  logger.warn('with', { id: 1 })
  expect(calls).toEqual([['alone'], ['with', { id: 1 }]])
})
