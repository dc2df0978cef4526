import { EmptyLogger } from '@sched/core/adapter'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Database } from './database.ts'
import { type Notification, Telling } from './telling.ts'

let sent: string[]
let telling: Telling

beforeEach(() => {
  vi.useFakeTimers()
  sent = []
  telling = new Telling({
    tag: 'tests',
    settings: { listen: true, logger: new EmptyLogger() },
    run: async (_: unknown, [, payload]: string[]) => {
      sent.push(keysIn(payload as string))
      return []
    },
  } as unknown as Database)
})

afterEach(() => {
  vi.useRealTimers()
})

/** The keys of a payload, without the sender before them. */
function keysIn(payload: string): string {
  return payload.split(',').slice(1).join(' ')
}

/** What a commit of `key` is given to notify. */
async function commit(
  key: string,
  work: () => Promise<void> = async () => undefined,
  isHandedOver = false,
): Promise<string | undefined> {
  const { answer } = await telling.withCommit([key], async (notification: Notification | undefined) => {
    await work()
    return { answer: notification && keysIn(notification[1]), isHandedOver }
  })
  return answer
}

test('a commit after a quiet time carries its wake, and those of the rest after it go by the next', async () => {
  expect(await commit('a')).toBe('a')
  expect(await commit('b')).toBeUndefined()
  expect(await commit('c')).toBeUndefined()
  // the rest ends while one is under way: others follow, as far as anybody can tell
  const ended = commit('d', () => vi.advanceTimersByTimeAsync(4).then(() => undefined))
  expect(await ended).toBeUndefined()
  expect(await commit('e')).toBe('b c d e')
  await vi.runAllTimersAsync()
  expect(sent).toEqual([])
})

test('what no commit takes along has a statement of its own, when the rest is over', async () => {
  expect(await commit('a')).toBe('a')
  expect(await commit('b')).toBeUndefined()
  await vi.advanceTimersByTimeAsync(2)
  expect(sent).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(sent).toEqual(['b'])
})

test('a commit that handed its job over wakes nobody for it, and what it would have taken along is told by the next', async () => {
  const handsOver = [async () => undefined, true] as const
  expect(await commit('a', ...handsOver)).toBe('a')
  await vi.runAllTimersAsync()
  expect(sent).toEqual([])
  expect(await commit('b')).toBe('b')
  expect(await commit('c')).toBeUndefined()
  const ended = commit('d', () => vi.advanceTimersByTimeAsync(4).then(() => undefined))
  await ended
  expect(await commit('e', ...handsOver)).toBe('c d e')
  await vi.runAllTimersAsync()
  expect(sent).toEqual(['c d'])
})

test('a commit that hangs holds back no wake of others', async () => {
  expect(await commit('a')).toBe('a')
  void commit('hangs', () => new Promise(() => undefined))
  expect(await commit('b')).toBeUndefined()
  await vi.advanceTimersByTimeAsync(5)
  expect(sent).toEqual(['b'])
})

test('what a commit carried is told once more when nobody knows whether it was one', async () => {
  const lost = commit('a', async () => {
    throw new Error('the connection broke')
  })
  await expect(lost).rejects.toThrow('the connection broke')
  await vi.runAllTimersAsync()
  expect(sent).toEqual(['a'])
})

test('a payload is never longer than the server takes', async () => {
  const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`.padEnd(12, '.'))
  const payloads: string[] = []
  await telling.withCommit(keys, async (notification) => {
    payloads.push(notification?.[1] ?? '')
    return { answer: undefined, isHandedOver: false }
  })
  await vi.runAllTimersAsync()
  expect(payloads[0]?.length).toBeLessThan(8_000)
  expect([keysIn(payloads[0] ?? ''), ...sent].join(' ').split(' ')).toEqual(keys)
})

test('what is not told when it closes is told before', async () => {
  expect(await commit('a')).toBe('a')
  expect(await commit('b')).toBeUndefined()
  await telling.close()
  expect(sent).toEqual(['b'])
  telling.tell(['c'])
  expect(await commit('d')).toBeUndefined()
  await vi.runAllTimersAsync()
  expect(sent).toEqual(['b'])
})

test('a transaction of the user’s is heard by this process too', () => {
  const [, payload] = telling.withCommitOf(['a', 'b']) ?? []
  expect(telling.keysOf(payload ?? '')).toEqual(['a', 'b'])
})

test('what this process was told already it does not hear again', async () => {
  const { answer: own } = await telling.withCommit(['a'], async (notification) => ({
    answer: notification?.[1] ?? '',
    isHandedOver: false,
  }))
  expect(keysIn(own)).toBe('a')
  expect(telling.keysOf(own)).toEqual([])
})
