import { expect, test } from 'vitest'
import { QuietTypes } from './quiet-types.ts'

function setUp() {
  const quiet = new QuietTypes()
  const unwatch = quiet.watch(['mail'])
  const turns = (count: number) => Array.from({ length: count }, () => quiet.turnOf('mail'))
  return { quiet, unwatch, turns }
}

test('what has nothing is left out of two claims, then looked at, as long as that finds nothing', () => {
  const { quiet, turns } = setUp()
  expect(turns(2)).toEqual(['ask', 'ask'])
  quiet.asking('mail')(true)
  expect(turns(6)).toEqual(['rest', 'rest', 'look', 'rest', 'rest', 'look'])
  quiet.asking('mail')(false)
  expect(turns(2)).toEqual(['ask', 'ask'])
})

test('a wake ends the rest, also one that comes while it is asked', () => {
  const { quiet, turns } = setUp()
  quiet.asking('mail')(true)
  quiet.woken('mail')
  expect(turns(1)).toEqual(['ask'])
  const asked = quiet.asking('mail')
  quiet.woken('mail')
  asked(true)
  expect(turns(1)).toEqual(['ask'])
})

test('without wakes nothing rests', () => {
  const { quiet, unwatch, turns } = setUp()
  const other = quiet.watch(['mail'])
  unwatch()
  quiet.asking('mail')(true)
  expect(turns(1)).toEqual(['rest'])
  other()
  expect(turns(1)).toEqual(['ask'])
  quiet.asking('mail')(true)
  quiet.watch(['mail'])
  expect(turns(1)).toEqual(['ask'])
})
