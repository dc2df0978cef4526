import { expect, test } from 'vitest'
import { Attempt } from './attempt.ts'
import { setupLoop } from './consumer.test-support.ts'
import { claimedJob } from './scripted-job-store.support.ts'

test('while handlers run the store works on the next claim, and each call moves about as many', async () => {
  let underWay = false
  let meanwhile = 0
  let ran = 0
  const { clock, store, consumer } = setupLoop({
    max: 100,
    handle: () => {
      ran++
      if (underWay) meanwhile++
    },
  })
  let made = 0
  store.settle = async ({ want }) => {
    underWay = true
    await new Promise<void>((resolve) => clock.after(2, resolve))
    underWay = false
    return { jobs: Array.from({ length: want?.limit ?? 0 }, () => claimedJob(`j${made++}`)), nextDueInMs: 0 }
  }
  consumer.open()
  await clock.advance(200)
  consumer.close()
  const late = store.calls.slice(-10)
  expect(ran).toBeGreaterThan(10_000)
  expect(meanwhile / ran).toBeGreaterThan(0.9)
  for (const { outcomes, want } of late) expect([outcomes.length, want?.limit]).toEqual([500, 500])
})

test('a store that likes two calls at once has two, only for much; what is held stays within a batch', async () => {
  const { clock, store, consumer, executor, settler } = setupLoop({ max: 100, settlesAtOnce: 2 })
  let made = 0
  let promised = 0
  let under = 0
  let most = 0
  let asked = 0
  let mostHeld = 0
  const settled: string[] = []
  store.settle = async ({ outcomes, want }) => {
    const limit = Math.min(want?.limit ?? 0, 20_000 - promised)
    promised += limit
    most = Math.max(most, ++under)
    asked += limit
    mostHeld = Math.max(mostHeld, executor.running + executor.queued + settler.waiting + settler.sent + asked)
    if (under > 1) expect(Math.max(outcomes.length, want?.limit ?? 0)).toBeGreaterThanOrEqual(125)
    await new Promise<void>((resolve) => clock.after(2, resolve))
    under--
    asked -= limit
    settled.push(...outcomes.map(({ id }) => id))
    return { jobs: Array.from({ length: limit }, () => claimedJob(`j${made++}`)), nextDueInMs: 0 }
  }
  consumer.open()
  await clock.advance(600)
  expect(most).toBe(2)
  expect([settled.length, new Set(settled).size]).toEqual([20_000, 20_000])
  // the outcomes of the very call that claims are settled before
  expect(mostHeld).toBeLessThanOrEqual(1_000 + 250)
  consumer.close()
})

test('outcomes of a call that failed go again beside another one, and no batch has an id twice', async () => {
  const { settler, registry } = setupLoop()
  const end = (id: string, token: string): void => {
    const attempt = new Attempt({ ...claimedJob(id), token }, registry.get('job'), 'w')
    settler.add(attempt, { id, token, kind: 'complete' })
  }
  for (const id of ['a', 'b']) end(id, 'first')
  const failed = settler.take(10)
  end('c', 'first')
  const other = settler.take(10)
  settler.putBack(failed)
  end('a', 'second')
  settler.confirm(other)
  const tokens = (): string[] => settler.take(10).outcomes.map(({ id, token }) => `${id} ${token}`)
  expect([tokens(), tokens(), tokens()]).toEqual([['a first', 'b first'], ['a second'], []])
  expect([settler.sent, settler.isEmpty]).toEqual([3, false])
})

test('a job handed to an open claim is run at once; and the next claim may stay open as well', async () => {
  const ran: string[] = []
  const { clock, store, consumer } = setupLoop({ max: 2, handle: (id) => void ran.push(id) })
  consumer.open()
  await clock.settle()
  expect(store.calls).toHaveLength(1)
  store.calls[0]?.want?.handOver?.(claimedJob('a'))
  expect(ran).toEqual(['a'])
  await clock.settle()
  expect(store.calls[1]?.outcomes).toMatchObject([{ id: 'a', kind: 'complete' }])
  expect(store.calls[1]?.want).toMatchObject({ handOver: expect.any(Function) })
})

test('what is handed over beside a claim under way is not claimed for again, and leaves an open claim behind', async () => {
  const ran: string[] = []
  let end: (() => void) | undefined
  const { clock, store, consumer } = setupLoop({
    max: 2,
    handle: (id) => {
      ran.push(id)
      return new Promise<void>((resolve) => {
        end = resolve
      })
    },
  })
  store.settle = async ({ want }) => {
    if (ran.length === 0) want?.handOver?.(claimedJob('a'))
    return {}
  }
  consumer.open()
  await clock.settle()
  expect(ran).toEqual(['a'])
  expect(store.calls.map(({ want }) => want?.limit)).toEqual([2, 1])
  end?.()
})

test('what is handed over while the worker stops, or to an id that was replaced, goes back', async () => {
  for (const change of ['stops', 'replaced']) {
    const { clock, store, consumer, lease } = setupLoop({
      handle: () => {
        throw new Error('not to be run')
      },
    })
    consumer.open()
    await clock.settle()
    if (change === 'stops') consumer.closeClaims()
    else {
      lease.renew()
      lease.renewed(clock.monotonic(), 60_000)
    }
    store.calls[0]?.want?.handOver?.(claimedJob('a'))
    await clock.settle()
    expect(store.calls.flatMap(({ outcomes }) => outcomes)).toMatchObject([{ id: 'a', kind: 'release' }])
  }
})
