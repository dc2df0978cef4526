import { expect, test } from 'vitest'
import type { FinalState } from './final-states.ts'
import type { Run } from './run-log.ts'
import { type Evidence, hasFaults, tallyOf } from './tally.ts'

function run(id: string, fence: number, at: number): Run {
  return { id, fence, at, pid: 1 }
}

function end(
  id: string,
  fence: number,
  at: number,
  state = 'completed',
  reason: string | null = null,
): FinalState {
  return { id, type: 'work', state, reason, fence, at }
}

/** Two jobs that ran once, one of them held until it was resumed at 100. */
function evidence(more: Partial<Evidence> = {}): Evidence {
  return {
    accepted: { work: ['a'], held: ['h'] },
    runs: [run('a', 1, 10), run('h', 1, 110)],
    finals: [end('a', 1, 20), end('h', 1, 120)],
    resumedAt: 100,
    ...more,
  }
}

const GOOD = {
  accepted: 2,
  ...{ lost: 0, deadLetters: 0, repeats: 0, forbidden: 0, endedTwice: 0, ranPaused: 0, invented: 0 },
}

test('what ran once and ended is good', () => {
  const tally = tallyOf(evidence())
  expect(tally).toEqual({ ...GOOD, examples: [] })
  expect(hasFaults(tally)).toBe(false)
})

test('a run that was cut short and one that followed are allowed, and counted', () => {
  const runs = [run('a', 1, 10), run('a', 5, 15), run('h', 1, 110)]
  const tally = tallyOf(evidence({ runs, finals: [end('a', 5, 20), end('h', 1, 120)] }))
  expect(tally).toEqual({ ...GOOD, repeats: 1, examples: [] })
  expect(hasFaults(tally)).toBe(false)
})

test('a job whose workers died three times is a dead letter, and not lost', () => {
  const finals = [end('a', 1, 20, 'failed', 'crashed'), end('h', 1, 120)]
  const tally = tallyOf(evidence({ finals }))
  expect(tally).toEqual({ ...GOOD, deadLetters: 1, examples: [] })
})

test.each<[string, Partial<Evidence>, object]>([
  ['a job that never ran', { runs: [run('h', 1, 110)] }, { lost: 1, examples: ['lost: a'] }],
  ['a job without an end', { finals: [end('h', 1, 120)] }, { lost: 1 }],
  ['a job that failed', { finals: [end('a', 1, 20, 'failed'), end('h', 1, 120)] }, { lost: 1 }],
  [
    'a run that was claimed after the end',
    { runs: [run('a', 1, 10), run('a', 2, 15), run('h', 1, 110)] },
    { forbidden: 1, examples: ['run after the end: a'] },
  ],
  [
    'a run that began after the end, under an older claim',
    {
      runs: [run('a', 3, 10), run('a', 1, 30), run('h', 1, 110)],
      finals: [end('a', 3, 20), end('h', 1, 120)],
    },
    { forbidden: 1 },
  ],
  [
    'two runs under one claim',
    { runs: [run('a', 1, 10), run('a', 1, 11), run('h', 1, 110)] },
    { forbidden: 1 },
  ],
  ['two ends', { finals: [end('a', 1, 20), end('a', 1, 21), end('h', 1, 120)] }, { endedTwice: 1 }],
  ['a run while paused', { runs: [run('a', 1, 10), run('h', 1, 99)] }, { ranPaused: 1 }],
  ['a run of a job that nobody enqueued', { runs: [...evidence().runs, run('x', 1, 10)] }, { invented: 1 }],
])('finds %s', (_, more, found) => {
  const tally = tallyOf(evidence(more))
  expect(tally).toMatchObject({ ...GOOD, ...found })
  expect(hasFaults(tally)).toBe(true)
})
