import { ManualClock } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import { createMemoryLock } from './index.ts'

test('tokens grow over releases, expiries and a wall clock that is set back', async () => {
  const clock = new ManualClock()
  const lock = createMemoryLock({ clock })
  const tokens: number[] = []
  const take = async (owner: string) => tokens.push((await lock.acquireLease('k', owner, 100))!.token)
  await take('a')
  await lock.release('k', 'a')
  await take('b')
  await clock.advance(100)
  await take('c')
  await lock.release('k', 'c')
  clock.jump(-3_600_000)
  await take('d')
  expect(tokens).toEqual([...tokens].sort((a, b) => a - b))
  expect(new Set(tokens).size).toBe(4)
  expect(tokens[0]).toBe((clock.now() + 3_600_000 - 100) * 1_000)
})

test('renewing keeps the token, and nothing is renewed once it ended', async () => {
  const clock = new ManualClock()
  const lock = createMemoryLock({ clock })
  const first = await lock.acquireLease('k', 'a', 100)
  await clock.advance(60)
  expect(await lock.acquireLease('k', 'a', 100)).toEqual(first)
  await clock.advance(60)
  expect(await lock.isOwner('k', 'a')).toBe(true)
  expect(await lock.renew('k', 'b', 100)).toBe(false)
  await clock.advance(40)
  expect([await lock.isOwner('k', 'a'), await lock.renew('k', 'a', 100)]).toEqual([false, false])
})

test('locks that ended do not pile up, and live ones stay', async () => {
  const clock = new ManualClock()
  const lock = createMemoryLock({ clock })
  await lock.acquire('live', 'a', 1e9)
  for (let i = 0; i < 1_000; i++) {
    await lock.acquire(`k-${i}`, 'a', 10)
    await clock.advance(1)
  }
  expect(await lock.isOwner('live', 'a')).toBe(true)
  expect(await lock.isOwner('k-999', 'a')).toBe(true)
  expect(await lock.isOwner('k-900', 'a')).toBe(false)
})

test.each([0, -1, 1.5, Number.NaN, '5'])('refuses a ttl of %s', async (ttlMs) => {
  await expect(createMemoryLock().acquire('k', 'a', ttlMs as number)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
})
