import { expect, test } from 'vitest'
import { Random } from '../random.support.ts'
import { hashOf, IdIndex } from './id-index.ts'

test.each<[string, (id: string) => number]>([
  ['its hash', hashOf],
  ['a hash that nearly always collides', (id) => hashOf(id) & 3],
  ['a hash at the end of the table', (id) => hashOf(id) | 0x7fff_fff0],
])('answers as a Map does, with %s', (_name, hash) => {
  const ids: string[] = []
  const index = new IdIndex((number) => ids[number < 0 ? -1 - number : number]!)
  const model = new Map<string, number>()
  const random = new Random(5)
  for (let step = 0; step < 6_000; step++) {
    const id = `job-${random.integer(700)}`
    const known = model.get(id)
    expect(index.get(id, hash(id))).toBe(known)
    if (known === undefined) {
      const number = ids.push(id) - 1
      index.set(id, hash(id), number)
      model.set(id, number)
    } else if (random.integer(3) === 0 && known >= 0) {
      index.renumber(hash(id), known, -1 - known)
      model.set(id, -1 - known)
    } else {
      index.delete(hash(id), known)
      index.delete(hash(id), known)
      model.delete(id)
    }
  }
  expect(index.size).toBe(model.size)
  for (const [id, number] of model) expect(index.get(id, hash(id))).toBe(number)
})

test('setting an id again replaces its number', () => {
  const index = new IdIndex(() => 'a')
  index.set('a', 1, 10)
  index.set('a', 1, -11)
  expect([index.get('a', 1), index.size]).toEqual([-11, 1])
  index.delete(1, 10)
  expect(index.get('a', 1)).toBe(-11)
})

test('grows to many, and shrinks again', () => {
  const ids = Array.from({ length: 50_000 }, (_, i) => `id-${i}`)
  const index = new IdIndex((number) => ids[number]!)
  for (const [i, id] of ids.entries()) index.set(id, hashOf(id), i)
  expect(ids.every((id, i) => index.get(id, hashOf(id)) === i)).toBe(true)
  for (const [i, id] of ids.entries()) if (i >= 10) index.delete(hashOf(id), i)
  expect(index.size).toBe(10)
  expect(ids.filter((id) => index.get(id, hashOf(id)) !== undefined)).toEqual(ids.slice(0, 10))
  index.clear()
  expect([index.size, index.get('id-3', hashOf('id-3'))]).toEqual([0, undefined])
})

test('ids made one after the other are neighbours; others land far apart', () => {
  const groups = (ids: readonly string[]) => new Set(ids.map((id) => (hashOf(id) & 0xffff) >>> 3)).size
  const counter = (i: number) => i.toString(16).padStart(3, '0')
  const sequences = [
    Array.from({ length: 1_000 }, (_, i) => `0199f0c2-7c1a-7${counter(i)}-8bbb-0123456789ab`),
    Array.from({ length: 1_000 }, (_, i) => `order-${i}`),
  ]
  for (const ids of sequences) {
    expect(new Set(ids.map(hashOf)).size).toBe(1_000)
    expect(groups(ids)).toBeLessThan(320)
  }
  expect(groups(Array.from({ length: 1_000 }, (_, i) => `${i}-0199f0c2-7c1a`))).toBeGreaterThan(900)
})
