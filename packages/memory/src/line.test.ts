import { describe, expect, test } from 'vitest'
import { Line } from './line.ts'
import { Random } from './random.support.ts'

interface Entry {
  at: number
  ticket: number
  slot: number
}

const byPlace = (a: Entry, b: Entry) => a.at - b.at || a.ticket - b.ticket

describe('a line', () => {
  test('is empty at first, and again', () => {
    const line = new Line()
    for (let round = 0; round < 3; round++) {
      expect([line.size, line.headAt, line.headTicket, line.headSlot]).toEqual([0, Infinity, Infinity, -1])
      expect(line.shift()).toBe(-1)
      expect(line.nextAfter(-Infinity)).toBe(Infinity)
      expect(line.lastUntil(Infinity)).toBeUndefined()
      line.add(5, 1, 7)
      expect([line.size, line.headAt, line.headTicket, line.headSlot]).toEqual([1, 5, 1, 7])
      expect(line.shift()).toBe(7)
    }
  })

  test('equals keep the order of their tickets', () => {
    const line = new Line()
    for (const ticket of [3, 1, 2]) line.add(10, ticket, ticket)
    expect([line.shift(), line.shift(), line.shift()]).toEqual([1, 2, 3])
  })

  // the patterns that split, fill, merge and empty chunks in different ways
  test.each<[string, (random: Random, ticket: number) => number]>([
    ['in order', (_, ticket) => ticket],
    ['backwards', (_, ticket) => -ticket],
    ['at random', (random) => random.integer(1_000)],
    ['in two streams', (_, ticket) => (ticket % 2) * 1_000_000 + ticket],
    ['all at one instant', () => 7],
    [
      'now among the future',
      (random, ticket) => (random.integer(3) === 0 ? 1e9 + random.integer(1e6) : ticket),
    ],
  ])('answers as a sorted array does, filled %s', (_name, place) => {
    const random = new Random(1)
    const line = new Line()
    let model: Entry[] = []
    let ticket = 0
    for (let step = 0; step < 12_000; step++) {
      const growing = step < 5_000 || random.integer(3) === 0
      const choice = random.integer(10)
      if (growing || model.length === 0) {
        const entry = { at: place(random, ++ticket), ticket, slot: random.integer(1e6) }
        line.add(entry.at, entry.ticket, entry.slot)
        model.push(entry)
      } else if (choice < 5) {
        model.sort(byPlace)
        expect(line.shift()).toBe(model.shift()!.slot)
      } else {
        const [gone] = model.splice(random.integer(model.length), 1)
        expect(line.remove(gone!.at, gone!.ticket)).toBe(true)
        expect(line.remove(gone!.at, gone!.ticket)).toBe(false)
      }
      if (step % 500 !== 0) continue
      model = model.sort(byPlace)
      expect(line.size).toBe(model.length)
      expect([...line.slots()]).toEqual(model.map((entry) => entry.slot))
      const at = model[random.integer(Math.max(1, model.length))]?.at ?? 0
      expect(line.nextAfter(at)).toBe(model.find((entry) => entry.at > at)?.at ?? Infinity)
      expect(line.countUntil(at)).toBe(model.filter((entry) => entry.at <= at).length)
      expect(line.lastUntil(at)).toEqual(model.findLast((entry) => entry.at <= at))
    }
  })

  test('a million future entries cost neither the head nor an entry that is due now', () => {
    const line = new Line()
    const random = new Random(2)
    for (let i = 0; i < 100_000; i++) line.add(1e9 + random.integer(1e9), i, i)
    for (let i = 0; i < 1_000; i++) line.add(5, 200_000 + i, i)
    expect(line.headAt).toBe(5)
    expect(line.nextAfter(5)).toBeGreaterThanOrEqual(1e9)
    expect(line.countUntil(5)).toBe(1_000)
    for (let i = 0; i < 1_000; i++) expect(line.shift()).toBe(i)
  })
})
