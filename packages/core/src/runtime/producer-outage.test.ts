import { expect, test } from 'vitest'
import { MAX_BATCH, type NewJob } from '../contracts/job-store.ts'
import { UnavailableError } from '../errors/sched-error.ts'
import { ManualClock } from '../values/manual-clock.ts'
import { type EnqueueManyError, InsertQueue, Single } from './insert-queue.ts'
import { Producer } from './producer.ts'
import { ScriptedJobStore } from './scripted-job-store.support.ts'

const jobs = (name: string, count: number): NewJob[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${name}${i}`, type: 'job', payload: null, priority: 1 }))

const DEADLINE_MS = 10_000

/** Every call takes its whole deadline, while the store is away. */
function setup(insertsAtOnce: number) {
  const store = new ScriptedJobStore()
  store.insertsAtOnce = insertsAtOnce
  const clock = new ManualClock()
  const state = { isAway: true, takesMs: DEADLINE_MS }
  store.insert = (batch) =>
    new Promise((resolve, reject) => {
      if (!state.isAway) resolve(batch.map(() => 'inserted'))
      else clock.after(state.takesMs, () => reject(new UnavailableError('nobody answers')))
    })
  return { store, clock, state, producer: new Producer(store.asStore, clock) }
}

test.for([1, 2])(
  'while the store is away nobody waits for more than two calls, however many enqueue, %i at once',
  async (insertsAtOnce) => {
    const { clock, producer } = setup(insertsAtOnce)
    const waits: number[] = []
    let waiting = 0
    let most = 0
    for (let second = 0; second < 60; second++) {
      const since = clock.monotonic()
      for (const record of jobs(`s${second}-`, MAX_BATCH)) {
        waiting++
        const told = (): void => {
          waiting--
          waits.push(clock.monotonic() - since)
        }
        void producer.add(record).then(told, told)
      }
      most = Math.max(most, waiting)
      await clock.advance(1_000)
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(2 * DEADLINE_MS)
    expect(most).toBeLessThanOrEqual((2 * DEADLINE_MS * MAX_BATCH) / 1_000 + MAX_BATCH)
  },
)

test('what was never sent says so: not ambiguous, with the reason of the call before it', async () => {
  const { clock, producer, store } = setup(1)
  const ids = producer.addMany(jobs('a', 3 * MAX_BATCH)).catch((error: unknown) => error)
  await clock.advance(DEADLINE_MS)
  const { results, ambiguous } = (await ids) as EnqueueManyError
  expect([ambiguous, results.length, store.inserts.length]).toEqual([false, 3 * MAX_BATCH, 1])
  expect(results.at(-1)).toMatchObject({
    code: 'UNAVAILABLE',
    ambiguous: false,
    message: 'not sent, since jobs before it failed: nobody answers',
  })
})

test('a store that refuses at once is asked for every record', async () => {
  const { clock, producer, state, store } = setup(1)
  state.takesMs = 10
  const ids = producer.addMany(jobs('a', 3 * MAX_BATCH)).catch((error: unknown) => error)
  await clock.advance(15)
  state.isAway = false
  await clock.advance(15)
  expect(await ids).toMatchObject({ code: 'UNAVAILABLE' })
  expect(store.inserts.map((batch) => batch.length)).toEqual([MAX_BATCH, MAX_BATCH, MAX_BATCH])
})

const nobody = (): void => undefined

test('a queue that is never empty gives up what was taken, and keeps the order', () => {
  const queue = new InsertQueue()
  const taken: string[] = []
  for (let round = 0; round < 50; round++) {
    for (const record of jobs(`r${round}-`, 101)) queue.push(new Single(record, nobody, nobody))
    taken.push(...queue.take(100).records.map(({ id }) => id))
  }
  const expected = Array.from({ length: 50 }, (_, round) =>
    jobs(`r${round}-`, 101).map(({ id }) => id),
  ).flat()
  taken.push(...queue.take(50).records.map(({ id }) => id))
  expect([taken, queue.length, queue.last]).toEqual([expected, 0, undefined])
})
