import { expect, test } from 'vitest'
import type { NewJob } from '../contracts/job-store.ts'
import { ClosedError, UnavailableError, ValueTooLargeError } from '../errors/sched-error.ts'
import { ManualClock } from '../values/manual-clock.ts'
import type { EnqueueManyError } from './insert-queue.ts'
import { Producer } from './producer.ts'
import { ScriptedJobStore } from './scripted-job-store.support.ts'

const job = (id: string): NewJob => ({ id, type: 'job', payload: null, priority: 1 })
const jobs = (count: number, from = 0): NewJob[] =>
  Array.from({ length: count }, (_, i) => job(`j${from + i}`))

function setup(insertsAtOnce = 1) {
  const store = new ScriptedJobStore()
  store.insertsAtOnce = insertsAtOnce
  const clock = new ManualClock()
  return { store, clock, producer: new Producer(store.asStore, clock) }
}

test('what is enqueued in one go is one batch; what arrives while it is under way is the next', async () => {
  const { store, producer } = setup()
  let answer: () => void = () => {}
  store.insert = (batch) =>
    new Promise((resolve) => {
      answer = () => resolve(batch.map(() => 'inserted'))
    })
  const first = jobs(3).map((record) => producer.add(record))
  await Promise.resolve()
  expect(store.inserts.map((batch) => batch.length)).toEqual([3])
  const second = jobs(5, 3).map((record) => producer.add(record))
  await new Promise((resolve) => setImmediate(resolve))
  expect(store.inserts).toHaveLength(1)
  answer()
  expect(await Promise.all(first)).toEqual(['j0', 'j1', 'j2'])
  await Promise.resolve()
  answer()
  expect(await Promise.all(second)).toEqual(['j3', 'j4', 'j5', 'j6', 'j7'])
  expect(store.inserts.map((batch) => batch.length)).toEqual([3, 5])
})

test('callers that enqueue again as soon as they are answered share the next batch', async () => {
  const { store, producer } = setup()
  let next = 0
  const caller = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await producer.add(job(`n${next++}`))
  }
  await Promise.all(Array.from({ length: 20 }, caller))
  expect(store.inserts.map((batch) => batch.length)).toEqual([20, 20, 20, 20, 20])
})

/** Inserts are answered by hand, in any order. */
function answeredByHand(store: ScriptedJobStore): { sizes(): number[]; answer(call: number): Promise<void> } {
  const answers: (() => void)[] = []
  store.insert = (batch) =>
    new Promise((resolve) => {
      answers.push(() => resolve(batch.map(() => 'inserted')))
    })
  return {
    sizes: () => store.inserts.map((batch) => batch.length),
    async answer(call) {
      answers[call]!()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

test('a store that likes two inserts at once gets a burst in halves, and each half’s successors while the other is under way', async () => {
  const { store, producer } = setup(2)
  const { sizes, answer } = answeredByHand(store)
  let next = 0
  const caller = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await producer.add(job(`n${next++}`))
  }
  const callers = Promise.all(Array.from({ length: 101 }, caller))
  await Promise.resolve()
  expect(sizes()).toEqual([51, 50])
  await answer(0)
  expect(sizes()).toEqual([51, 50, 51])
  await answer(2)
  await answer(1)
  expect(sizes()).toEqual([51, 50, 51, 51, 50])
  await answer(3)
  await answer(4)
  expect(sizes().slice(5)).toEqual([25, 25])
  await answer(5)
  await answer(6)
  await callers
  expect(next).toBe(303)
  expect(new Set(store.inserts.flat().map(({ id }) => id)).size).toBe(303)
})

test('few are one insert, and beside one under way goes nothing much smaller', async () => {
  const { store, producer } = setup(2)
  const { sizes, answer } = answeredByHand(store)
  const first = jobs(20).map((record) => producer.add(record))
  await Promise.resolve()
  expect(sizes()).toEqual([20])
  const few = jobs(9, 20).map((record) => producer.add(record))
  await Promise.resolve()
  expect(sizes()).toEqual([20])
  const enough = producer.add(job('enough'))
  await Promise.resolve()
  expect(sizes()).toEqual([20, 10])
  const last = producer.add(job('waits for a free call'))
  await answer(0)
  expect(sizes()).toEqual([20, 10])
  await answer(1)
  expect(sizes()).toEqual([20, 10, 1])
  await answer(2)
  await Promise.all([...first, ...few, enough, last])
})

test('after a pause the first goes before its caller goes on, and what else comes in the same go beside it', async () => {
  const { store, clock, producer } = setup(2)
  const { sizes, answer } = answeredByHand(store)
  await clock.advance(5)
  const first = producer.add(job('first'))
  expect(sizes()).toEqual([1])
  const more = jobs(3).map((record) => producer.add(record))
  expect(sizes()).toEqual([1])
  await Promise.resolve()
  expect(sizes()).toEqual([1, 3])
  await answer(0)
  await answer(1)
  expect(await Promise.all([first, ...more])).toEqual(['first', 'j0', 'j1', 'j2'])
  const soon = producer.add(job('soon after'))
  expect(sizes()).toEqual([1, 3])
  await Promise.resolve()
  expect(sizes()).toEqual([1, 3, 1])
  await answer(2)
  expect(await soon).toBe('soon after')
})

test('one after another each goes before its caller goes on, until several come together', async () => {
  const { store, clock, producer } = setup(2)
  const { sizes, answer } = answeredByHand(store)
  await clock.advance(5)
  for (let i = 0; i < 3; i++) {
    const added = producer.add(job(`n${i}`))
    expect(sizes()).toEqual(new Array(i + 1).fill(1))
    await answer(i)
    expect(await added).toBe(`n${i}`)
  }
  const together = jobs(3).map((record) => producer.add(record))
  await Promise.resolve()
  expect(sizes()).toEqual([1, 1, 1, 1, 2])
  await answer(3)
  await answer(4)
  await Promise.all(together)
  const next = producer.add(job('next'))
  expect(sizes()).toHaveLength(5)
  await Promise.resolve()
  expect(sizes()).toEqual([1, 1, 1, 1, 2, 1])
  await answer(5)
  await next
})

test('a store that takes one insert at a time gets all of one go together, also after a pause', async () => {
  const { store, clock, producer } = setup(1)
  await clock.advance(5)
  await Promise.all(jobs(3).map((record) => producer.add(record)))
  expect(store.inserts.map((batch) => batch.length)).toEqual([3])
})

test('closing waits for one that went at once, and giving up rejects it', async () => {
  const { store, clock, producer } = setup(2)
  answeredByHand(store)
  await clock.advance(5)
  const sent = producer.add(job('sent'))
  const closed = producer.close()
  producer.abandon()
  await expect(sent).rejects.toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })
  await closed
})

test('of a group in several inserts at once each answer is of its own job, whichever comes first', async () => {
  const { store, producer } = setup(2)
  const answers: (() => void)[] = []
  store.insert = (batch) =>
    new Promise((resolve) => {
      answers.push(() =>
        resolve(
          batch.map(({ id }) =>
            id === 'j1' || id === 'j70' ? new ValueTooLargeError(id, 2, 1) : 'inserted',
          ),
        ),
      )
    })
  const failed = producer.addMany(jobs(80)).catch((error: unknown) => error as EnqueueManyError)
  await Promise.resolve()
  expect(store.inserts.map((batch) => batch.length)).toEqual([40, 40])
  answers[1]!()
  await new Promise((resolve) => setImmediate(resolve))
  answers[0]!()
  const { results } = (await failed) as EnqueueManyError
  expect(results).toHaveLength(80)
  for (const [i, result] of results.entries()) {
    if (i === 1 || i === 70)
      expect(result).toMatchObject({ code: 'VALUE_TOO_LARGE', message: expect.stringContaining(`j${i}`) })
    else expect(result).toBe(`j${i}`)
  }
})

test('a large group is cut into batches of 1,000, and others join its last one', async () => {
  const { store, producer } = setup()
  const [ids, single] = await Promise.all([producer.addMany(jobs(2_500)), producer.add(job('single'))])
  expect(ids).toEqual(jobs(2_500).map(({ id }) => id))
  expect(single).toBe('single')
  expect(store.inserts.map((batch) => batch.length)).toEqual([1_000, 1_000, 501])
  expect(await producer.addMany([])).toEqual([])
})

test('a batch that the store rejects as a whole is bisected: the bad record fails alone', async () => {
  const { store, producer } = setup()
  store.insert = async (batch) => {
    if (batch.some(({ id }) => id === 'j5')) throw new ValueTooLargeError('payload', 2, 1)
    return batch.map(() => 'inserted')
  }
  const results = await Promise.allSettled(jobs(9).map((record) => producer.add(record)))
  expect(results.map(({ status }) => status === 'fulfilled')).toEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => i !== 5),
  )
  const error = await producer.addMany(jobs(7)).catch((reason: unknown) => reason as EnqueueManyError)
  expect(error).toMatchObject({ name: 'EnqueueManyError', code: 'VALUE_TOO_LARGE', ambiguous: false })
  expect((error as EnqueueManyError).results.map((result) => typeof result)).toEqual([
    ...Array(5).fill('string'),
    'object',
    'string',
  ])
})

test('an answer of one record’s error rejects that record; exists is a success', async () => {
  const { store, producer } = setup()
  store.insert = async (batch) =>
    batch.map(({ id }) => (id === 'j1' ? new ValueTooLargeError('payload', 2, 1) : 'exists'))
  const results = await Promise.allSettled(jobs(3).map((record) => producer.add(record)))
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('an insert whose fate is unknown is repeated once with the same ids; a refused one is not', async () => {
  const { store, clock, producer } = setup()
  let failures = 1
  store.insert = async (batch) => {
    if (failures-- > 0) throw new UnavailableError('no answer', { ambiguous: true })
    return batch.map(() => 'exists')
  }
  const ids = Promise.all(jobs(2).map((record) => producer.add(record)))
  await clock.advance(100)
  expect(await ids).toEqual(['j0', 'j1'])
  expect(store.inserts.map((batch) => batch.map(({ id }) => id))).toEqual([
    ['j0', 'j1'],
    ['j0', 'j1'],
  ])

  failures = 1
  let ambiguous = true
  store.insert = async () => {
    const error = new UnavailableError('no answer', { ambiguous })
    ambiguous = false
    throw error
  }
  const unknown = producer.add(job('x')).catch((error: unknown) => error)
  await clock.advance(100)
  // the repetition was refused outright, but the first may have been applied
  expect(await unknown).toMatchObject({ code: 'UNAVAILABLE', ambiguous: true })

  const before = store.inserts.length
  await expect(producer.add(job('y'))).rejects.toMatchObject({ ambiguous: false })
  expect(store.inserts.length).toBe(before + 1)
})

test('ids are no longer new for certain once they may have reached the store', async () => {
  const { store, clock, producer } = setup()
  const seen: (boolean | undefined)[] = []
  store.insert = async (batch) => {
    seen.push(...batch.map(({ fresh }) => fresh))
    if (seen.length === 1) throw new UnavailableError('no answer', { ambiguous: true })
    return batch.map(() => 'exists')
  }
  const id = producer.add({ ...job('new'), fresh: true })
  await clock.advance(100)
  expect(await id).toBe('new')
  expect(seen).toEqual([true, false])
})

test('what an adapter throws of its own has a code, may have been applied, and is not bisected', async () => {
  const { store, clock, producer } = setup()
  store.insert = () => Promise.reject(new Error('a driver'))
  const results = Promise.allSettled(jobs(500).map((record) => producer.add(record)))
  await clock.advance(100)
  for (const result of await results)
    expect(result).toMatchObject({
      reason: { code: 'UNAVAILABLE', ambiguous: true, cause: { message: 'a driver' } },
    })
  expect(store.inserts).toHaveLength(2)
  await expect(producer.addWithin('tx', jobs(1))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  store.insert = async (batch) => batch.map(() => new Error('one'))
  await expect(producer.add(job('x'))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('when nobody waits any longer, what was sent is ambiguous, and the rest was never stored', async () => {
  const { store, producer } = setup()
  store.insert = () => new Promise(() => {})
  const sent = producer.addMany(jobs(1_500)).catch((error: unknown) => error as EnqueueManyError)
  const waiting = producer.add(job('waits')).catch((error: unknown) => error)
  await Promise.resolve()
  producer.abandon()
  expect(await waiting).toMatchObject({ code: 'CLOSED' })
  const { results } = (await sent) as EnqueueManyError
  expect([results[0], results[999], results[1_000], results[1_499]]).toMatchObject([
    { code: 'UNAVAILABLE', ambiguous: true },
    { code: 'UNAVAILABLE' },
    { code: 'CLOSED' },
    { code: 'CLOSED' },
  ])
})

test('a store that answers for fewer records is found out', async () => {
  const { store, producer } = setup()
  store.insert = async () => []
  await expect(producer.add(job('x'))).rejects.toMatchObject({ code: 'ADAPTER_INVALID' })
})

test('inside a transaction there are no repeats and no company', async () => {
  const { store, producer } = setup()
  expect(await producer.addWithin('tx', jobs(1_001))).toHaveLength(1_001)
  expect(store.inserts.map((batch) => batch.length)).toEqual([1_000, 1])
  store.insert = async () => Promise.reject(new UnavailableError('gone', { ambiguous: true }))
  await expect(producer.addWithin('tx', jobs(1))).rejects.toThrow('gone')
  expect(store.inserts).toHaveLength(3)
})

test('closing waits for what was taken, and takes no more', async () => {
  const { store, producer } = setup()
  const ids = producer.addMany(jobs(1_500))
  await producer.close()
  expect(store.inserts).toHaveLength(2)
  expect(await ids).toHaveLength(1_500)
  await expect(producer.add(job('late'))).rejects.toBeInstanceOf(ClosedError)
  await expect(producer.addMany(jobs(2))).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(producer.addWithin('tx', jobs(1))).rejects.toBeInstanceOf(ClosedError)
})

test('enqueuing one after another on a store that answers at once lets others have their turns', async () => {
  const { producer } = setup()
  let turns = 0
  const other = setInterval(() => turns++, 0)
  for (let i = 0; i < 5_000; i++) await producer.add(job(`j${i}`))
  clearInterval(other)
  expect(turns).toBeGreaterThan(0)
})
