import { expect, test } from 'vitest'
import { allCases } from '../registry.ts'
import { mutants } from './all.ts'

const all = Object.values(mutants).flat()

test('every mistake is told once, and its list names cases that exist', () => {
  const mistakes = all.map((mutant) => mutant.mistake)
  expect(new Set(mistakes).size).toBe(mistakes.length)
  const ids = new Set(allCases.map((one) => one.id))
  const unknown = all.flatMap((mutant) => Object.keys(mutant.fails).filter((id) => !ids.has(id)))
  expect(unknown).toEqual([])
})

test('no mistake goes unnoticed', () => {
  expect(
    all.filter((mutant) => Object.keys(mutant.fails).length === 0).map((mutant) => mutant.mistake),
  ).toEqual([])
})

test('the mistakes that authors are known to make are all here', () => {
  const known = [
    'blocks on a republished claimed id',
    'forgets the id when its lease ends',
    'acks without a receipt',
    'takes the consumer for the token',
    'publish steals a live lease',
    'extend revives a dead lease',
    'two-step lock acquire',
    'priority ids invisible to fifo',
    'nack loses the priority',
    'priority upside down',
    'unsorted batch',
    'promotes twice',
    'loses the id when a blocked claim crashes',
    '`[]` becomes `{}`',
    'prune ≤ instead of <',
    'containment instead of equality',
    'dates by identity',
    'colon-joined keys',
    'sentinel row collides',
    'shallow clone of what is stored',
    'offset paging under inserts',
    'get-then-set',
    'client clock',
    'time frozen in a transaction',
    'token restarts after release',
    'close hangs a waiter',
    'declares what it cannot do',
    'acks before the finish',
  ]
  const mistakes = all.map((mutant) => mutant.mistake)
  expect(known.filter((mistake) => !mistakes.includes(mistake))).toEqual([])
})
