import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { MongoConnection } from './connection.ts'
import type { SignalDocument } from './feed.ts'
import { PollFeed } from './poll-feed.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** A feed of one key, what it is told, and how often it asks. */
async function opened() {
  let documents: SignalDocument[] = []
  let looks = 0
  let broken = false
  const collection = {
    find: () => ({
      project: () => ({
        toArray: async () => {
          looks++
          if (broken) throw new Error('the server is gone')
          return documents
        },
      }),
    }),
  }
  const connection = {
    settings: { logger: { info: () => undefined } },
    run: (_call: unknown, work: () => Promise<unknown>) => work(),
    collection: () => collection,
  } as unknown as MongoConnection
  const heard: string[] = []
  const feed = new PollFeed(
    connection,
    { watchedIds: () => ['key'], hasLatest: false },
    {
      onSignal: (id, n) => heard.push(`${id} by ${n}`),
      onGap: () => heard.push('gap'),
    },
  )
  await feed.start()
  feed.stir()
  return {
    feed,
    heard,
    signal: (n: string) => {
      documents = [{ _id: 'key', n }]
    },
    breakDown: (isBroken: boolean) => {
      broken = isBroken
    },
    /** How often it asks in so many seconds. */
    async looksIn(seconds: number): Promise<number> {
      const before = looks
      await vi.advanceTimersByTimeAsync(seconds * 1_000)
      return looks - before
    },
  }
}

test('an idle process asks ever more seldom, in the end every two seconds', async () => {
  const { looksIn } = await opened()
  expect(await looksIn(1)).toBeGreaterThan(5)
  await looksIn(9)
  expect(await looksIn(60)).toBe(30)
})

test('what is heard is told once, and the next one is asked for soon', async () => {
  const { looksIn, signal, heard } = await opened()
  await looksIn(10)
  signal('a')
  await looksIn(2)
  expect(heard).toEqual(['key by a'])
  signal('b')
  expect(await looksIn(0.2)).toBeGreaterThanOrEqual(1)
  await looksIn(1)
  expect(heard).toEqual(['key by a', 'key by b'])
})

test('a server that does not answer is asked on, and everything may have been missed', async () => {
  const { looksIn, breakDown, heard } = await opened()
  breakDown(true)
  await looksIn(1)
  expect(new Set(heard)).toEqual(new Set(['gap']))
  breakDown(false)
  heard.length = 0
  expect(await looksIn(4)).toBeGreaterThanOrEqual(2)
  expect(heard).toEqual([])
})

test('a feed that rests, or is closed, asks nothing', async () => {
  const { looksIn, feed } = await opened()
  feed.rest()
  expect(await looksIn(60)).toBe(0)
  feed.stir()
  expect(await looksIn(1)).toBeGreaterThan(5)
  feed.close()
  expect(await looksIn(60)).toBe(0)
})
