import { expect, test } from 'vitest'
import { closest, didYouMean, editDistance } from './closest.ts'

test.each([
  ['', '', 0],
  ['abc', '', 3],
  ['redis', 'rediss', 1],
  ['kitten', 'sitting', 3],
  ['mogno', 'mongo', 1],
  ['ab', 'ba', 1],
])('from %j to %j it is %i steps', (a, b, steps) => {
  expect(editDistance(a, b)).toBe(steps)
})

test('the nearest name is the one that was meant, if any is near', () => {
  const modes = ['default', 'redis', 'db', 'mongo', 'hybrid-db', 'hybrid', 'custom']
  expect(closest('rediss', modes)).toBe('redis')
  expect(closest('Redis', modes)).toBe('redis')
  expect(closest('hybrid_db', modes)).toBe('hybrid-db')
  expect(closest('hybird', modes)).toBe('hybrid')
  expect(closest('kafka', modes)).toBeUndefined()
  expect(closest('x'.repeat(100_000), modes)).toBeUndefined()
  expect(closest('mnogo', modes)).toBe('mongo')
  expect(didYouMean('kafka', modes)).toBe('')
  expect(didYouMean('tabelPrefix', ['tablePrefix', 'prefix'])).toBe(': did you mean "tablePrefix"?')
})
