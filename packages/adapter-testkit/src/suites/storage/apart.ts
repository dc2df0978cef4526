import { type Case, suite } from '../../case.ts'
import { idsOf, type Row } from './records.ts'

/** Names that adapters like to give to columns and fields of their own. */
const FIELDS = [
  'id',
  '_id',
  'key',
  'value',
  'namespace',
  'ns',
  'data',
  'payload',
  'type',
  '__v',
  'updatedAt',
  'expireAt',
] as const

export const apartCases: readonly Case[] = suite('storage', ['storage'], {
  'ns-isolated-batches': {
    rule: 'The optional methods keep namespaces apart as well: page, getMany, saveMany, deleteMany, compareAndSet and its batch, patchMany.',
    why: 'Core prefers them wherever they are, so that is where a leak would happen.',
    mistake: 'the fast path has a query of its own, which forgets the namespace',
    async run({ storage, check, has, notApplicable }) {
      const methods = [
        'page',
        'getMany',
        'saveMany',
        'deleteMany',
        'compareAndSet',
        'compareAndSetMany',
        'patchMany',
      ] as const
      if (!methods.some((method) => has(`storage.${method}`))) notApplicable('the storage has none of them')
      for (const namespace of ['one', 'two']) await storage.save(namespace, 'a', { rev: 1, in: namespace })
      if (has('storage.page'))
        check.equal(
          await storage.page!('one', undefined, { limit: 5 }),
          [{ id: 'a', value: { rev: 1, in: 'one' } }],
          'page of the first',
        )
      if (has('storage.getMany'))
        check.equal(
          await storage.getMany!('two', ['a', 'b']),
          [{ rev: 1, in: 'two' }, null],
          'getMany in the second',
        )
      if (has('storage.saveMany')) {
        await storage.saveMany!('one', [{ id: 'b', value: { in: 'one' } }])
        check.equal(await storage.get('two', 'b'), null, 'an id that saveMany stored in the other namespace')
      }
      if (has('storage.compareAndSet')) {
        check.equal(
          await storage.compareAndSet!('one', 'a', 1, { rev: 2, in: 'one' }),
          true,
          'compareAndSet in the first',
        )
        check.equal(await storage.get('two', 'a'), { rev: 1, in: 'two' }, 'the same id in the second')
        check.equal(
          await storage.compareAndSet!('three', 'a', null, { rev: 1 }),
          true,
          'an insert of the id in a third',
        )
      }
      if (has('storage.compareAndSetMany')) {
        check.equal(
          await storage.compareAndSetMany!('four', [{ id: 'a', expectedRev: null, value: { rev: 1 } }]),
          [true],
          'compareAndSetMany in a fourth',
        )
        check.equal(
          await storage.compareAndSetMany!('four', [{ id: 'b', expectedRev: 1, value: { rev: 2 } }]),
          [false],
          'compareAndSetMany of an id that only others have',
        )
      }
      if (has('storage.patchMany')) {
        const item = { where: {}, set: { in: 'both' } }
        await storage.save('five', 'a', { rev: 1 })
        check.equal(
          await storage.patchMany!('five', [
            { id: 'a', ...item },
            { id: 'b', ...item },
          ]),
          [true, null],
          'patchMany in a fifth',
        )
        check.equal(
          await storage.get('two', 'a'),
          { rev: 1, in: 'two' },
          'the id that was patched, in the second',
        )
      }
      if (has('storage.deleteMany')) {
        check.equal(await storage.deleteMany!('one', ['a']), 1, 'deleteMany in the first')
        check.equal(
          await storage.get('two', 'a'),
          { rev: 1, in: 'two' },
          'the same id in the second afterwards',
        )
      }
    },
  },
  'own-field-names': {
    rule: 'A record’s fields are its own, whatever they are called: a field "id" or "key" is not the record’s id or a column of the adapter.',
    why: 'Payloads have such fields; filtering or sorting by the adapter’s column finds the wrong jobs.',
    mistake: 'the record is spread into the same document or row as the adapter’s own columns',
    async run({ storage, check }) {
      for (const field of FIELDS) {
        await storage.save(`by-${field}`, 'x', { [field]: 'second', name: 'x' })
        await storage.save(`by-${field}`, 'y', { [field]: 'first', name: 'y' })
        await storage.save(`by-${field}`, 'first', { name: 'z' })
        check.equal(
          await storage.get(`by-${field}`, 'x'),
          { [field]: 'second', name: 'x' },
          `a record with a field called ${field}`,
        )
        check.equal(
          await storage.list(`by-${field}`, { [field]: 'first' }),
          [{ [field]: 'first', name: 'y' }],
          `list by the field ${field}`,
        )
        check.equal(
          await storage.count(`by-${field}`, { [field]: 'x' }),
          0,
          `count by the field ${field} with the id of a record`,
        )
        const ordered = await storage.list<Row & { name: string }>(`by-${field}`, {}, { orderBy: { field } })
        check.equal(
          ordered.map((row) => row.name),
          ['y', 'x', 'z'],
          `the order by the field ${field}`,
        )
      }
    },
  },
  'index-is-a-hint': {
    rule: 'index changes no answer: with or without it filters, order and pages give the same, also for fields that few records have.',
    why: 'An index over part of the records silently loses the rest.',
    mistake: 'a sparse or partial index is used for a query that it does not cover',
    needs: ['storage.index'],
    async run({ storage, check }) {
      const rows: Row[] = [
        { id: 'a', state: 'x', n: 2 },
        { id: 'b', state: 'y' },
        { id: 'c', n: 1 },
        { id: 'd', state: null, n: 'text' },
      ]
      for (const row of rows) await storage.save('jobs', row.id, row)
      await storage.index!('jobs', ['state', 'n', 'a.b', '$odd'])
      await storage.index!('jobs', ['state'])
      for (const row of rows) await storage.save('jobs', row.id, row)
      check.equal(
        idsOf(await storage.list<Row>('jobs', { state: { $ne: 'x' } })),
        ['b', 'c', 'd'],
        'ids by $ne of an indexed field',
      )
      check.equal(
        idsOf(await storage.list<Row>('jobs', {}, { orderBy: { field: 'n' } })),
        ['c', 'a', 'd', 'b'],
        'ids ordered by an indexed field',
      )
      check.equal(await storage.count('jobs', { state: null }), 1, 'count by null of an indexed field')
      check.equal(await storage.count('jobs'), 4, 'count')
    },
  },
  'within-foreign': {
    rule: 'within throws UNSUPPORTED for what is no transaction of its server.',
    why: 'An enqueue that silently ignores the transaction it was given is not rolled back with it.',
    mistake: 'an unknown object is taken for no transaction',
    needs: ['storage.within'],
    async run({ storage, check }) {
      for (const foreign of [{}, { query: 1 }, 'BEGIN', 5])
        await check.rejects(
          async () => storage.within!(foreign).save('jobs', 'a', { n: 1 }),
          'UNSUPPORTED',
          `within of ${JSON.stringify(foreign)}`,
        )
      check.equal(await storage.get('jobs', 'a'), null, 'the record afterwards')
    },
  },
})
