import { expect, test } from 'vitest'
import { Random } from './random.support.ts'
import { ReadyQueue } from './ready-queue.ts'

test('the highest priority that has something due goes first, then the earliest due, then the ticket', () => {
  const queue = new ReadyQueue()
  queue.add(0, 5, 1, 10)
  queue.add(5, 50, 2, 20)
  queue.add(5, 60, 3, 30)
  queue.add(-20, 1, 4, 40)
  queue.add(0, 5, 5, 50)
  const taken: number[] = []
  for (const now of [4, 5, 5, 5, 55, 100]) {
    const level = queue.next(now)
    taken.push(level === undefined ? -1 : queue.take(level))
  }
  expect(taken).toEqual([40, 10, 50, -1, 20, 30])
  expect(queue.size).toBe(0)
})

test('oldest and newest go by due time and ticket alone, and see no future entry', () => {
  const queue = new ReadyQueue()
  queue.add(9, 30, 1, 1)
  queue.add(-9, 10, 2, 2)
  queue.add(0, 30, 3, 3)
  queue.add(20, 99, 4, 4)
  expect(queue.take(queue.oldest(50)!)).toBe(2)
  expect(queue.takeNewest(50)).toBe(3)
  expect(queue.takeNewest(50)).toBe(1)
  expect(queue.takeNewest(50)).toBe(-1)
  expect(queue.oldest(50)).toBeUndefined()
  expect([queue.nextAfter(50), queue.nextAfter(99)]).toEqual([99, Infinity])
})

test('counts and next instants are those of all priorities', () => {
  const queue = new ReadyQueue()
  const random = new Random(4)
  const entries = Array.from({ length: 3_000 }, (_, i) => ({
    priority: random.integer(41) - 20,
    dueAt: random.integer(500),
    ticket: i,
  }))
  for (const { priority, dueAt, ticket } of entries) queue.add(priority, dueAt, ticket, ticket)
  for (const { priority, dueAt, ticket } of entries.splice(0, 1_000)) {
    expect(queue.remove(priority, dueAt, ticket)).toBe(true)
  }
  expect(queue.size).toBe(2_000)
  expect(queue.countDue(250)).toBe(entries.filter(({ dueAt }) => dueAt <= 250).length)
  expect(queue.nextAfter(250)).toBe(Math.min(...entries.map(({ dueAt }) => dueAt).filter((at) => at > 250)))
})
