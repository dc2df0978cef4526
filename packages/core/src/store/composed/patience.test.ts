import { expect, test } from 'vitest'
import type { Clock } from '../../values/clock.ts'
import { ManualClock } from '../../values/manual-clock.ts'
import { Patience } from './patience.ts'

function setUp() {
  const clock = new ManualClock()
  const patience = new Patience(clock)
  /** A call that answers after `ms`, and what came of waiting for it. */
  const call = (ms: number, mostMs?: number) => {
    const late: string[] = []
    const answer = () => new Promise<string>((resolve) => clock.after(ms, () => resolve('answer')))
    const outcome = patience
      .wait(answer, { what: 'ack', onLate: (text) => late.push(text), ...(mostMs && { mostMs }) })
      .catch((error: Error) => error.message)
    return { outcome, late }
  }
  return { clock, patience, call }
}

test('waits a second, then does without; the answer that comes later is not lost', async () => {
  const { clock, call } = setUp()
  const [quick, slow] = [call(999), call(1_500)]
  await clock.advance(1_000)
  expect(await quick.outcome).toBe('answer')
  expect(await slow.outcome).toBe('broker ack: no answer within 1000 ms, so it is done without')
  expect(slow.late).toEqual([])
  await clock.advance(500)
  expect(slow.late).toEqual(['answer'])
  expect(quick.late).toEqual([])
  expect(clock.pending).toBe(0)
})

test('a server that is merely slow gets twice what it took, until it is quick again', async () => {
  const { clock, call } = setUp()
  call(2_000)
  await clock.advance(2_000)
  const again = call(3_900)
  await clock.advance(3_900)
  expect(await again.outcome).toBe('answer')
  for (let i = 0; i < 20; i++) call(1)
  await clock.advance(1)
  const gone = call(1_001)
  await clock.advance(1_000)
  expect(await gone.outcome).toMatch(/within 1000 ms/)
})

test('a process that was too busy to look takes the answer that is there', async () => {
  let ring: () => void = () => undefined
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_, fn) => {
      ring = fn
      return { cancel: () => undefined }
    },
  }
  let resolve: (answer: string) => void = () => undefined
  const answer = new Promise<string>((done) => {
    resolve = done
  })
  const outcome = new Patience(clock).wait(() => answer, { what: 'ack' })
  // timers come first, then what the network brought
  ring()
  resolve('answer')
  expect(await outcome).toBe('answer')
})

test('never waits longer than the caller can', async () => {
  const { clock, call } = setUp()
  const { outcome } = call(200, 100)
  await clock.advance(100)
  expect(await outcome).toMatch(/within 100 ms/)
})

test('an error is passed on, also when nobody waits any more', async () => {
  const { clock, patience } = setUp()
  const fail = (ms: number) => () =>
    new Promise<never>((_, reject) => clock.after(ms, () => reject(new Error('down'))))
  const outcome = patience.wait(fail(10), { what: 'ack' }).catch((error: Error) => error.message)
  const late = patience.wait(fail(5_000), { what: 'ack' }).catch((error: Error) => error.message)
  await clock.advance(5_000)
  expect(await outcome).toBe('down')
  expect(await late).toMatch(/no answer/)
})
