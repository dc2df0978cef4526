import { expect, test } from 'vitest'
import { JobIds } from './job-id.ts'

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('ids are UUIDv7 of the clock, strictly growing, also in one millisecond and when the clock goes back', () => {
  let now = Date.UTC(2026, 0, 1)
  const ids = new JobIds({ now: () => now })
  const made: string[] = []
  for (let i = 0; i < 20_000; i++) made.push(ids.next())
  now -= 60_000
  for (let i = 0; i < 100; i++) made.push(ids.next())
  now += 120_000
  for (let i = 0; i < 1_000; i++) {
    now += 0.7
    made.push(ids.next())
  }
  expect(made.every((id) => UUID7.test(id))).toBe(true)
  expect([...made].sort()).toEqual(made)
  expect(new Set(made).size).toBe(made.length)
  expect(Number.parseInt(made[0]!.replace('-', '').slice(0, 12), 16)).toBe(Date.UTC(2026, 0, 1))
})

test('two generators in one millisecond do not meet', () => {
  const clock = { now: () => 1_000_000 }
  const one = new JobIds(clock)
  const two = new JobIds(clock)
  const made = new Set<string>()
  for (let i = 0; i < 5_000; i++) made.add(one.next()).add(two.next())
  expect(made.size).toBe(10_000)
})
