import type { Filter } from '@sched/core/adapter'
import { type Case, type Context, suite } from '../../case.ts'
import { byBytes, idsOf, type Row, saveRows } from './records.ts'

const day = (n: number): Date => new Date(Date.UTC(2024, 0, n))

/** list, count and (where it is there) page must agree on who matches. */
async function matches(
  context: Context,
  filter: Filter,
  expected: readonly string[],
  what: string,
): Promise<void> {
  const { storage, check, has } = context
  const ids = [...expected].sort(byBytes)
  check.equal(idsOf(await storage.list<Row>('jobs', filter)), ids, `the ids listed by ${what}`)
  check.equal(await storage.count('jobs', filter), ids.length, `count by ${what}`)
  if (!has('storage.page')) return
  const page = await storage.page!<Row>('jobs', filter, { limit: 100 })
  check.equal(
    page.map((record) => record.id),
    ids,
    `the ids of a page by ${what}`,
  )
}

export const filterCases: readonly Case[] = suite('storage', ['storage'], {
  'filter-eq': {
    rule: 'A filter is an AND over top-level fields; a bare value, or $eq, means equality of type and value.',
    why: 'Core finds its work by it: state "pending" of type "mail", and nothing else.',
    mistake: 'values are compared as text, or only the first field of the filter is used',
    async run(context) {
      await saveRows(context.storage, 'jobs', [
        { id: 'a', state: 'pending', n: 1, flag: true },
        { id: 'b', state: 'pending', n: 2, flag: false },
        { id: 'c', state: 'done', n: 1, flag: true },
        { id: 'd', state: 'pending ', n: '1', flag: 'true' },
        { id: 'e', nested: { state: 'pending' } },
        { id: 'f', state: ['pending'], n: [1], flag: 1 },
        { id: 'g', state: '', n: 0, flag: null },
      ])
      await matches(context, {}, ['a', 'b', 'c', 'd', 'e', 'f', 'g'], 'an empty filter')
      await matches(context, { state: 'pending' }, ['a', 'b'], 'text')
      await matches(context, { n: 1 }, ['a', 'c'], 'a number')
      await matches(context, { n: '1' }, ['d'], 'text that looks like a number')
      await matches(context, { n: 0 }, ['g'], 'zero')
      await matches(context, { state: '' }, ['g'], 'empty text')
      await matches(context, { flag: true }, ['a', 'c'], 'true')
      await matches(context, { flag: false }, ['b'], 'false')
      await matches(context, { state: 'pending', n: 1 }, ['a'], 'two fields')
      await matches(context, { state: { $eq: 'done' } }, ['c'], '$eq')
      await matches(context, { state: 'nothing' }, [], 'a value nobody has')
      await matches(context, { unknown: 1 }, [], 'a field nobody has')
    },
  },
  'filter-in': {
    rule: '$in matches any of its values, by type and value; an empty $in matches nothing.',
    why: 'A sweep asks for several states at once; with an empty list it must not sweep everything.',
    mistake: 'an empty list drops the condition, or values are compared as text',
    async run(context) {
      await saveRows(context.storage, 'jobs', [
        { id: 'a', v: 'x' },
        { id: 'b', v: 2 },
        { id: 'c', v: '2' },
        { id: 'd', v: day(1) },
        { id: 'e', v: true },
        { id: 'f', v: [2] },
        { id: 'g' },
      ])
      await matches(context, { v: { $in: ['x', 2] } }, ['a', 'b'], '$in of text and number')
      await matches(context, { v: { $in: [] } }, [], 'an empty $in')
      await matches(context, { v: { $in: ['2'] } }, ['c'], '$in of text that looks like a number')
      await matches(context, { v: { $in: [day(1), true] } }, ['d', 'e'], '$in of an instant and a boolean')
      await matches(context, { v: { $in: ['x', 'x', 2] }, id: { $in: ['a', 'c'] } }, ['a'], 'two $in')
    },
  },
  'filter-ne': {
    rule: '$ne matches every record that $eq does not, those without the field included.',
    why: 'Records written before a field existed must not fall out of a sweep.',
    mistake: 'SQL: a comparison with NULL is neither true nor false',
    async run(context) {
      await saveRows(context.storage, 'jobs', [
        { id: 'a', v: 1 },
        { id: 'b', v: 2 },
        { id: 'c', v: '1' },
        { id: 'd', v: null },
        { id: 'e' },
        { id: 'f', v: [1] },
      ])
      await matches(context, { v: { $ne: 1 } }, ['b', 'c', 'd', 'e', 'f'], '$ne of a number')
      await matches(context, { v: { $ne: [1] } }, ['a', 'b', 'c', 'd', 'e'], '$ne of a list')
      await matches(context, { v: { $ne: 1, $in: [1, 2] } }, ['b'], '$ne together with $in')
    },
  },
  'filter-range': {
    rule: '$lt, $lte, $gt, $gte compare within numbers, within instants or within text; across kinds they do not match.',
    why: 'Due jobs are found by a range; a text or null in that field must not count as due.',
    mistake: 'numbers are compared as text (10 < 9), or null and missing count as the smallest value',
    async run(context) {
      await saveRows(context.storage, 'jobs', [
        { id: 'n9', v: 9 },
        { id: 'n10', v: 10 },
        { id: 'n-1', v: -1 },
        { id: 'n1.5', v: 1.5 },
        { id: 'd1', v: day(1) },
        { id: 'd2', v: day(2) },
        { id: 'sA', v: 'A' },
        { id: 's10', v: '10' },
        { id: 'sa', v: 'a' },
        { id: 'null', v: null },
        { id: 'missing' },
        { id: 'true', v: true },
        { id: 'list', v: [9] },
      ])
      await matches(context, { v: { $gt: 9 } }, ['n10'], '$gt 9')
      await matches(context, { v: { $gte: 9 } }, ['n9', 'n10'], '$gte 9')
      await matches(context, { v: { $lt: 1.5 } }, ['n-1'], '$lt 1.5')
      await matches(context, { v: { $lte: 1.5 } }, ['n-1', 'n1.5'], '$lte 1.5')
      await matches(context, { v: { $gt: -1, $lt: 10 } }, ['n9', 'n1.5'], 'both ends')
      await matches(context, { v: { $gt: day(1) } }, ['d2'], '$gt of an instant')
      await matches(context, { v: { $lte: day(1) } }, ['d1'], '$lte of an instant')
      await matches(
        context,
        { v: { $lt: day(1).getTime() + 1 } },
        ['n9', 'n10', 'n-1', 'n1.5'],
        '$lt of a number that is some epoch',
      )
      await matches(context, { v: { $gte: 'A' } }, ['sA', 'sa'], '$gte of text')
      await matches(context, { v: { $lt: 'A' } }, ['s10'], '$lt of text')
      await matches(context, { v: { $gt: 10, $lt: 9 } }, [], 'an empty range')
    },
  },
  'filter-null-vs-missing': {
    rule: 'null and a missing field differ: null, $eq null and $in [null] match only an explicit null; $ne null matches missing ones.',
    why: 'finishedAt: null is an unfinished job; a record without the field is of another kind.',
    mistake: 'the database reads a missing field as null (MongoDB {v: null}, JSON ->> in SQL)',
    async run(context) {
      await saveRows(context.storage, 'jobs', [
        { id: 'null', v: null },
        { id: 'missing' },
        { id: 'zero', v: 0 },
        { id: 'empty', v: '' },
        { id: 'text', v: 'null' },
      ])
      await matches(context, { v: null }, ['null'], 'null')
      await matches(context, { v: { $eq: null } }, ['null'], '$eq null')
      await matches(context, { v: { $in: [null] } }, ['null'], '$in [null]')
      await matches(context, { v: { $in: [null, 0] } }, ['null', 'zero'], '$in [null, 0]')
      await matches(context, { v: { $ne: null } }, ['missing', 'zero', 'empty', 'text'], '$ne null')
    },
  },
  'filter-date-by-value': {
    rule: 'An instant in a filter matches by its value, and never a number or text of the same instant.',
    why: 'A Date built by the caller is never the stored object.',
    mistake: 'objects are compared by identity (===), or the Date is compared as text',
    async run(context) {
      await saveRows(context.storage, 'jobs', [
        { id: 'a', at: day(1) },
        { id: 'b', at: new Date(day(1).getTime() + 1) },
        { id: 'c', at: day(1).getTime() },
        { id: 'd', at: day(1).toISOString() },
        { id: 'e', at: { $date: day(1).getTime() } },
      ])
      await matches(context, { at: day(1) }, ['a'], 'an instant')
      await matches(context, { at: { $eq: day(1) } }, ['a'], '$eq of an instant')
      await matches(context, { at: { $in: [day(1)] } }, ['a'], '$in of an instant')
      await matches(context, { at: day(1).getTime() }, ['c'], 'the number of the same instant')
      await matches(context, { at: day(1).toISOString() }, ['d'], 'the text of the same instant')
    },
  },
  'filter-eq-not-containment': {
    rule: 'A bare list or object means equality by deep value: not containment, not identity; key order does not matter.',
    why: 'Asking for tags ["a"] must not touch jobs tagged ["a", "b"].',
    mistake: "PostgreSQL's @> or MongoDB's array matching, which find what contains the value",
    async run(context) {
      await saveRows(context.storage, 'jobs', [
        { id: 'a', v: ['x'] },
        { id: 'b', v: ['x', 'y'] },
        { id: 'c', v: 'x' },
        { id: 'd', v: { p: 1 } },
        { id: 'e', v: { p: 1, q: { r: [1, 2] } } },
        { id: 'f', v: [] },
        { id: 'g', v: {} },
        { id: 'h', v: [['x']] },
        { id: 'i', v: ['y', 'x'] },
      ])
      await matches(context, { v: ['x'] }, ['a'], 'a list')
      await matches(context, { v: ['x', 'y'] }, ['b'], 'a longer list')
      await matches(context, { v: 'x' }, ['c'], 'text that is also an element of lists')
      await matches(context, { v: { p: 1 } }, ['d'], 'an object')
      await matches(context, { v: { q: { r: [1, 2] }, p: 1 } }, ['e'], 'an object, keys in another order')
      await matches(context, { v: [] }, ['f'], 'an empty list')
      await matches(context, { v: {} }, ['g'], 'an empty object')
      await matches(context, { v: { $in: [['x'], { p: 1 }] } }, ['a', 'd'], '$in of a list and an object')
    },
  },
  'unknown-operator-rejected': {
    rule: 'An operator that is not $eq, $ne, $in, $lt, $lte, $gt or $gte rejects INVALID_ARGUMENT.',
    why: 'Ignored, it would match everything: a typo in a clean-up deletes the lot. Passed on, it may run code on the server.',
    mistake: 'the filter goes to the database as it is, or unknown keys are skipped',
    async run({ storage, check, has }) {
      await storage.save('jobs', 'a', { id: 'a', v: 1 })
      for (const condition of [
        { $regex: '.' },
        { $exists: true },
        { $where: '1' },
        { $gt: 0, $foo: 1 },
        { $not: { $eq: 2 } },
        { $: 1 },
      ]) {
        const shown = Object.keys(condition).at(-1)
        await check.rejects(
          () => storage.list('jobs', { v: condition }),
          'INVALID_ARGUMENT',
          `list with the operator ${shown}`,
        )
        await check.rejects(
          () => storage.count('jobs', { v: condition }),
          'INVALID_ARGUMENT',
          `count with the operator ${shown}`,
        )
        if (has('storage.page'))
          await check.rejects(
            () => storage.page!('jobs', { v: condition }, { limit: 1 }),
            'INVALID_ARGUMENT',
            `page with the operator ${shown}`,
          )
      }
    },
  },
})
