import type { Filter, ListOptions } from '@sched/core/adapter'
import { expect, test } from 'vitest'
import { createMemoryStorage } from './index.ts'
import { Random } from './random.support.ts'

const FIELDS = ['state', 'n', 'at', 'mixed']

function randomRecord(random: Random): Record<string, unknown> {
  const record: Record<string, unknown> = {
    state: random.pick(['pending', 'running', 'done']),
    n: random.integer(40),
    at: new Date(random.integer(40)),
    mixed: random.pick([null, true, 3, 'three', new Date(3), [3], { three: 3 }]),
    plain: random.integer(5),
  }
  for (const field of Object.keys(record)) if (random.integer(6) === 0) delete record[field]
  return record
}

function randomFilter(random: Random): Filter {
  const bound = random.integer(40)
  const all: Filter[] = [
    { state: random.pick(['pending', 'running', 'done', 'none']) },
    { n: bound },
    { n: { $gt: bound, $lte: bound + 6 } },
    { n: { $lt: 4 }, state: 'done' },
    { n: { $gte: 38 } },
    { n: { $gt: 5, $lt: 'x' } },
    { at: { $lte: new Date(bound / 8) } },
    { at: { $gt: new Date(36) } },
    { state: { $in: ['running', 'none', 'running'] }, n: { $lt: 10 } },
    { mixed: { $in: [3, 'three', new Date(3)] } },
    { mixed: null },
    { mixed: { $in: [null, 3] } },
    { mixed: [3] },
    { mixed: { $gte: 'three' } },
    { n: { $ne: 4 } },
    { plain: 2, n: 7 },
    {},
  ]
  return random.pick(all)
}

test('an index changes no answer', async () => {
  const random = new Random(7)
  const plain = createMemoryStorage()
  const indexed = createMemoryStorage()
  await indexed.index('ns', FIELDS.slice(0, 2))
  const write = async (id: string) => {
    const record = randomRecord(random)
    await Promise.all([plain.save('ns', id, record), indexed.save('ns', id, record)])
  }
  for (let i = 0; i < 600; i++) await write(`id-${random.integer(400)}`)
  await indexed.index('ns', FIELDS)
  for (let round = 0; round < 400; round++) {
    await write(`id-${random.integer(400)}`)
    const gone = `id-${random.integer(400)}`
    expect(await indexed.deleteMany('ns', [gone])).toBe(await plain.deleteMany('ns', [gone]))
    const filter = randomFilter(random)
    const options: ListOptions = random.pick<ListOptions>([
      {},
      { limit: 7 },
      { offset: 3, limit: 5 },
      { orderBy: { field: 'n' }, limit: 9 },
      { orderBy: { field: 'n', direction: 'desc' } },
      { orderBy: { field: 'mixed', direction: 'desc' }, limit: 30 },
      { orderBy: { field: 'at' } },
      { orderBy: { field: 'plain' } },
    ])
    const expected = await plain.list('ns', filter, options)
    expect(await indexed.list('ns', filter, options)).toEqual(expected)
    expect(await indexed.count('ns', filter)).toBe(await plain.count('ns', filter))
    expect(await indexed.page('ns', filter, { limit: 6, after: gone })).toEqual(
      await plain.page('ns', filter, { limit: 6, after: gone }),
    )
  }
})

test('pages by an indexed equality begin where the last one ended', async () => {
  const storage = createMemoryStorage()
  await storage.index('ns', ['state'])
  const ids = Array.from({ length: 2_000 }, (_, i) => `id-${String(i).padStart(4, '0')}`)
  await storage.saveMany(
    'ns',
    ids.map((id, i) => ({ id, value: { state: i % 10 === 0 ? 'rare' : 'common' } })),
  )
  const walked: string[] = []
  let after: string | undefined
  do {
    const page = await storage.page(
      'ns',
      { state: 'rare' },
      { limit: 30, ...(after === undefined ? {} : { after }) },
    )
    walked.push(...page.map(({ id }) => id))
    after = page.at(-1)?.id
  } while (after !== undefined)
  expect(walked).toEqual(ids.filter((_, i) => i % 10 === 0))
})

test('a value that cannot be stored changes nothing, wherever it stands in the call', async () => {
  const storage = createMemoryStorage()
  await storage.save('ns', 'a', { n: 1 })
  await expect(
    storage.saveMany('ns', [
      { id: 'a', value: { n: 2 } },
      { id: 'b', value: { n: Number.NaN } },
    ]),
  ).rejects.toMatchObject({
    code: 'VALUE_UNSERIALIZABLE',
    path: 'records[1].value.n',
  })
  await expect(
    storage.compareAndSetMany<unknown>('ns', [
      { id: 'a', expectedRev: 0, value: { n: 2 } },
      { id: 'b', expectedRev: null, value: () => 1 },
    ]),
  ).rejects.toMatchObject({ code: 'VALUE_UNSERIALIZABLE', path: 'items[1].value' })
  expect(await storage.list('ns')).toEqual([{ n: 1 }])
})

test('prune goes by finishedAt, else createdAt, as date or number', async () => {
  const storage = createMemoryStorage()
  const values: Record<string, unknown> = {
    'finished before': { finishedAt: 99 },
    'finished at': { finishedAt: 100 },
    'finished before, as a date': { finishedAt: new Date(99) },
    unfinished: { finishedAt: null, createdAt: 1 },
    'created before': { createdAt: 5 },
    'created later': { createdAt: new Date(500) },
    'finished as text': { finishedAt: '1', createdAt: 1 },
    'without either': {},
    'no record': 'text',
  }
  for (const [id, value] of Object.entries(values)) await storage.save('ns', id, value)
  expect(await storage.prune('ns', 100)).toBe(3)
  const left = (await storage.page('ns', undefined, { limit: 100 })).map(({ id }) => id)
  expect(left).toEqual(
    ['created later', 'finished as text', 'finished at', 'no record', 'unfinished', 'without either'].sort(),
  )
})
