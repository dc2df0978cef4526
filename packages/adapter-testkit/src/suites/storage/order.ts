import type { ListOptions } from '@sched/core/adapter'
import { type Case, type Context, suite } from '../../case.ts'
import { byBytes, idsOf, numbered, type Row, saveRows } from './records.ts'

async function order(
  context: Context,
  options: ListOptions | undefined,
  expected: string[],
  what: string,
): Promise<void> {
  context.check.equal(idsOf(await context.storage.list<Row>('jobs', {}, options)), expected, what)
}

export const orderCases: readonly Case[] = suite('storage', ['storage'], {
  'order-asc': {
    rule: 'orderBy sorts ascending by default and with direction asc: numbers, instants, text.',
    why: 'Sweeps take the oldest first; in another order the oldest starve.',
    mistake: 'the order is left to the database, or the direction is ignored',
    async run(context) {
      const { storage } = context
      await saveRows(storage, 'jobs', [
        { id: 'a', n: 3, at: new Date(1000), s: 'beta' },
        { id: 'b', n: -1, at: new Date(5), s: 'alpha' },
        { id: 'c', n: 2.5, at: new Date(-1), s: 'gamma' },
      ])
      await order(context, { orderBy: { field: 'n' } }, ['b', 'c', 'a'], 'ids ordered by a number')
      await order(
        context,
        { orderBy: { field: 'at', direction: 'asc' } },
        ['c', 'b', 'a'],
        'ids ordered by an instant',
      )
      await order(
        context,
        { orderBy: { field: 's', direction: 'asc' } },
        ['b', 'a', 'c'],
        'ids ordered by text',
      )
    },
  },
  'order-desc': {
    rule: 'direction desc sorts the values the other way round; a limit takes the first of that order.',
    why: 'The latest failures are asked for first.',
    mistake: 'the limit is applied before the order, or the direction is ignored',
    async run(context) {
      const { storage, check } = context
      await saveRows(storage, 'jobs', [
        { id: 'a', n: 3, at: new Date(1000) },
        { id: 'b', n: -1, at: new Date(5) },
        { id: 'c', n: 2.5, at: new Date(-1) },
        { id: 'd', n: 100, at: new Date(2000) },
      ])
      await order(
        context,
        { orderBy: { field: 'n', direction: 'desc' } },
        ['d', 'a', 'c', 'b'],
        'ids ordered by a number, desc',
      )
      await order(
        context,
        { orderBy: { field: 'at', direction: 'desc' }, limit: 2 },
        ['d', 'a'],
        'the first two by an instant, desc',
      )
      const some = await storage.list<Row>(
        'jobs',
        { n: { $lt: 50 } },
        { orderBy: { field: 'n', direction: 'desc' }, limit: 2 },
      )
      check.equal(idsOf(some), ['a', 'c'], 'the first two that match a filter, desc')
    },
  },
  'ties-by-id': {
    rule: 'Equal values are ordered by id, ascending.',
    why: 'Otherwise two pages of one list overlap or leave a record out.',
    mistake: 'no second sort key: ties come in whatever order the server finds them',
    async run(context) {
      const ids = numbered(30)
      await saveRows(
        context.storage,
        'jobs',
        context.random.shuffle(ids).map((id) => ({ id, n: Number(id.slice(1)) % 3 })),
      )
      const group = (n: number): string[] => ids.filter((id) => Number(id.slice(1)) % 3 === n)
      const asc = [...group(0), ...group(1), ...group(2)]
      await order(context, { orderBy: { field: 'n' } }, asc, 'ids ordered by a field with ties')
      const desc = [...group(2), ...group(1), ...group(0)]
      await order(
        context,
        { orderBy: { field: 'n', direction: 'desc' } },
        desc,
        'ids ordered by a field with ties, desc',
      )
      await order(
        context,
        { orderBy: { field: 'n' }, offset: 8, limit: 4 },
        asc.slice(8, 12),
        'a slice across two groups',
      )
    },
  },
  'missing-last': {
    rule: 'Records without the field, and those whose value is no number, instant or text, come last in both directions, by id.',
    why: 'Unfinished jobs must not push the latest finished ones off the page.',
    mistake: 'NULLS FIRST in one direction (the default of PostgreSQL desc), or undefined compared as text',
    async run(context) {
      await saveRows(context.storage, 'jobs', [
        { id: 'e', n: 2 },
        { id: 'd' },
        { id: 'c', n: 1 },
        { id: 'b', n: null },
        { id: 'a', n: [0] },
        { id: 'f', n: true },
      ])
      await order(context, { orderBy: { field: 'n' } }, ['c', 'e', 'a', 'b', 'd', 'f'], 'ids, asc')
      await order(
        context,
        { orderBy: { field: 'n', direction: 'desc' } },
        ['e', 'c', 'a', 'b', 'd', 'f'],
        'ids, desc',
      )
    },
  },
  'mixed-kinds': {
    rule: 'In one field numbers come before instants, and instants before text.',
    why: 'A field that changed its type between versions must still sort the same on every backend.',
    mistake: 'everything is sorted as text, or instants and numbers are mixed',
    async run(context) {
      await saveRows(context.storage, 'jobs', [
        { id: 'a', v: '5' },
        { id: 'b', v: new Date(0) },
        { id: 'c', v: 1_000_000 },
        { id: 'd', v: -3 },
        { id: 'e', v: new Date(-5) },
        { id: 'f', v: '' },
        { id: 'g', v: null },
      ])
      await order(
        context,
        { orderBy: { field: 'v' } },
        ['d', 'c', 'e', 'b', 'f', 'a', 'g'],
        'ids ordered by a field of mixed kinds',
      )
    },
  },
  'numeric-not-lexical': {
    rule: 'Numbers sort as numbers: 9 before 10, −2 before −1, 1e3 after 999.',
    why: 'A queue ordered as text starves every job from the tenth on.',
    mistake: 'the field is read out of JSON as text (->> in SQL, sort of strings)',
    async run(context) {
      const numbers = [10, 9, 100, -1, -2, 0.5, 1e3, 999, 2 ** 40]
      await saveRows(
        context.storage,
        'jobs',
        numbers.map((n, i) => ({ id: `r${i}`, n })),
      )
      const sorted = [...numbers].sort((a, b) => a - b)
      const rows = await context.storage.list<{ n: number }>('jobs', {}, { orderBy: { field: 'n' } })
      context.check.equal(
        rows.map((row) => row.n),
        sorted,
        'the numbers in order',
      )
    },
  },
  'text-by-bytes': {
    rule: 'Text, and ids, sort and compare by their UTF-8 bytes.',
    why: 'Keyset pages go wrong when the order and the comparison follow different collations.',
    mistake:
      'a language collation (a, B, c), or JavaScript’s order by UTF-16 units, which puts U+FF5E after 😀',
    async run(context) {
      const { storage, check } = context
      const texts = ['a', 'B', 'Z', 'z', 'é', 'e', '\uff5e', '😀', '1', '10', '2', ' ', '~', '_']
      const sorted = [...texts].sort(byBytes)
      await saveRows(
        storage,
        'jobs',
        texts.map((id) => ({ id, s: id })),
      )
      await order(context, undefined, sorted, 'ids in the default order')
      await order(context, { orderBy: { field: 's' } }, sorted, 'ids ordered by the same text in a field')
      const above = await storage.list<Row>('jobs', { s: { $gt: '\uff5e' } })
      check.equal(idsOf(above), ['😀'], 'ids whose text is above U+FF5E')
      const below = await storage.list<Row>('jobs', { s: { $lt: 'a' } })
      check.equal(idsOf(below), sorted.slice(0, sorted.indexOf('a')), 'ids whose text is below "a"')
    },
  },
  'limit-0': {
    rule: 'limit 0 gives nothing; a negative or fractional limit or offset rejects INVALID_ARGUMENT.',
    why: 'A worker with no free slot asks for 0; everything would be the wrong answer.',
    mistake: '`if (limit)`: 0 is taken as no limit',
    async run({ storage, check }) {
      await saveRows(storage, 'jobs', [{ id: 'a' }, { id: 'b' }, { id: 'c' }])
      check.equal(await storage.list('jobs', {}, { limit: 0 }), [], 'list with limit 0')
      check.equal(
        (await storage.list('jobs', {}, { limit: 2 })).length,
        2,
        'the length of a list with limit 2',
      )
      check.equal(
        (await storage.list('jobs', {}, { limit: 9 })).length,
        3,
        'the length of a list with limit 9 of 3',
      )
      for (const bad of [-1, 1.5, Number.NaN, '2' as unknown as number]) {
        await check.rejects(
          () => storage.list('jobs', {}, { limit: bad }),
          'INVALID_ARGUMENT',
          `list with limit ${bad}`,
        )
        await check.rejects(
          () => storage.list('jobs', {}, { offset: bad }),
          'INVALID_ARGUMENT',
          `list with offset ${bad}`,
        )
      }
    },
  },
  'default-order-stable': {
    rule: 'Without orderBy, list is ordered by id, whatever the order of writing, and an update moves nothing.',
    why: 'Lists are walked in pieces; an order that changes between calls leaves records out.',
    mistake: 'no order at all: rows come as the heap, hash or insertion has them',
    async run(context) {
      const { storage, random } = context
      const ids = numbered(40)
      await saveRows(
        storage,
        'jobs',
        random.shuffle(ids).map((id) => ({ id, n: 0 })),
      )
      await order(context, undefined, ids, 'ids in the default order')
      for (const id of random.shuffle(ids).slice(0, 10))
        await storage.save('jobs', id, { id, n: 1, more: 'x'.repeat(200) })
      await storage.delete('jobs', ids[7]!)
      await storage.save('jobs', ids[7]!, { id: ids[7] })
      await order(context, undefined, ids, 'ids in the default order after updates and a delete')
      await order(context, { limit: 5 }, ids.slice(0, 5), 'the first five')
    },
  },
  offset: {
    rule: 'offset skips that many of the ordered, filtered records; beyond the end there is nothing.',
    why: 'Adapters without page are walked by offset.',
    mistake: 'the offset counts records before the filter, or is ignored without a limit',
    async run(context) {
      const { storage, check } = context
      const ids = numbered(20)
      await saveRows(
        storage,
        'jobs',
        context.random.shuffle(ids).map((id) => ({ id, even: Number(id.slice(1)) % 2 === 0 })),
      )
      await order(context, { offset: 15 }, ids.slice(15), 'ids from offset 15, without a limit')
      await order(context, { offset: 5, limit: 3 }, ids.slice(5, 8), 'three ids from offset 5')
      await order(context, { offset: 20, limit: 3 }, [], 'ids from the end on')
      const even = await storage.list<Row>('jobs', { even: true }, { offset: 2, limit: 2 })
      check.equal(idsOf(even), [ids[4]!, ids[6]!], 'two matching ids from offset 2')
    },
  },
})
