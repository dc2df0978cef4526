import { type Case, LONG, suite } from '../../case.ts'
import { allApart, allDistinct } from './distinct.ts'

export const nameCases: readonly Case[] = suite('storage', ['storage'], {
  'ns-isolated': {
    rule: 'Namespaces share nothing: the same id in two of them is two records, for every operation.',
    why: 'Projects and environments live on one server; a delete in staging must not reach production.',
    mistake: 'the namespace is missing from one of the queries: delete, prune and count are the usual ones',
    async run({ storage, check, openElsewhere }) {
      await storage.save('one', 'a', { in: 'one', createdAt: 1 })
      await storage.save('two', 'a', { in: 'two', createdAt: 1 })
      check.equal(await storage.get('one', 'a'), { in: 'one', createdAt: 1 }, 'get in the first namespace')
      check.equal(await storage.list('two'), [{ in: 'two', createdAt: 1 }], 'list of the second')
      check.equal(await storage.count('one'), 1, 'count of the first')
      await storage.delete('one', 'a')
      check.equal(
        await storage.get('two', 'a'),
        { in: 'two', createdAt: 1 },
        'the second after delete in the first',
      )
      check.equal(await storage.prune('one', 100), 0, 'prune of the first, which is empty')
      check.equal(await storage.count('two'), 1, 'count of the second after prune of the first')
      const elsewhere = await openElsewhere()
      check.equal(await elsewhere.storage.list('two'), [], 'the same namespace under another prefix')
      await elsewhere.storage.save('two', 'a', { in: 'elsewhere' })
      check.equal(
        await storage.get('two', 'a'),
        { in: 'two', createdAt: 1 },
        'this one after a save under another prefix',
      )
    },
  },
  'unicode-id': {
    rule: 'Ids and namespaces are any well-formed Unicode, compared byte for byte: spaces, emoji and control characters count.',
    why: 'Ids come from users (addresses, file names); two that look alike are two jobs.',
    mistake: 'a collation, a trim or padding of the database makes different ids equal',
    async run(context) {
      const ids = [
        'a',
        'a ',
        ' a',
        'a\t',
        'a\n',
        'ä',
        'a\u0308',
        '😀',
        'мир',
        '世界',
        '\u202eabc',
        '\u200b',
        '\ufeff',
        '\u0001',
        '\u007f',
        '"',
        "'",
        '`',
        'ß',
        'ss',
      ]
      await allDistinct(context, 'jobs', ids)
      await allApart(context, ids.slice(0, 10))
    },
  },
  'nfc-nfd-distinct': {
    rule: 'Ids that differ only in Unicode normalisation are different.',
    why: 'What core stored under one form it asks for in the same; folding them merges two jobs.',
    mistake: 'the database or file system normalises text',
    async run(context) {
      await allDistinct(context, 'jobs', ['caf\u00e9', 'cafe\u0301', '\u212b', '\u00c5', 'A\u030a'])
    },
  },
  'case-sensitive': {
    rule: 'Ids, namespaces and filtered text that differ in case are different.',
    why: 'Random ids in base 64 differ only in case now and then; one job would vanish.',
    mistake: 'a case-insensitive collation or file system',
    async run(context) {
      await allDistinct(context, 'jobs', ['job', 'Job', 'JOB', 'jOb'])
      await allApart(context, ['ns', 'NS', 'Ns'])
      await context.storage.save('texts', 'a', { type: 'Mail' })
      context.check.equal(
        await context.storage.count('texts', { type: 'mail' }),
        0,
        'count by text in another case',
      )
    },
  },
  'empty-id-rejected': {
    rule: 'Empty names, names with NUL, lone surrogates or of another type reject INVALID_ARGUMENT and store nothing.',
    why: 'Half the backends would take them and the other half not, or cut them short.',
    mistake: 'names reach the server unchecked; core exports checkName',
    async run({ storage, check }) {
      for (const bad of ['', 'a\0b', '\ud800', 'x\udc00y', undefined, null, 5, {}] as string[]) {
        const shown = JSON.stringify(bad) ?? 'undefined'
        await check.rejects(
          () => storage.save('jobs', bad, { n: 1 }),
          'INVALID_ARGUMENT',
          `save with the id ${shown}`,
        )
        await check.rejects(
          () => storage.save(bad, 'a', { n: 1 }),
          'INVALID_ARGUMENT',
          `save with the namespace ${shown}`,
        )
        await check.rejects(() => storage.get('jobs', bad), 'INVALID_ARGUMENT', `get of the id ${shown}`)
        await check.rejects(
          () => storage.delete('jobs', bad),
          'INVALID_ARGUMENT',
          `delete of the id ${shown}`,
        )
        await check.rejects(() => storage.list(bad), 'INVALID_ARGUMENT', `list of the namespace ${shown}`)
      }
      check.equal(await storage.count('jobs'), 0, 'count after the rejected calls')
    },
  },
  'id-512B': {
    rule: "Names of 512 bytes work (1,024 at the adapter, as core wraps users' names), and none is cut short.",
    why: 'Two long ids with the same beginning are two jobs.',
    mistake: 'a key column, index or file name is shorter: hash what does not fit',
    async run({ storage, check, variant }) {
      const bytes = variant === 'namespaced' ? 512 : 1024
      for (const [kind, unit] of [
        ['ascii', 'x'],
        ['two bytes', 'é'],
        ['four bytes', '😀'],
      ] as const) {
        const size = Buffer.byteLength(unit)
        const long = unit.repeat(bytes / size - 1)
        const [a, b] = [long + 'a'.repeat(size), long + 'b'.repeat(size)]
        await storage.save('jobs', a, { n: 1 })
        await storage.save('jobs', b, { n: 2 })
        check.equal(await storage.get('jobs', a), { n: 1 }, `get of an id of ${bytes} bytes (${kind})`)
        check.equal(
          await storage.get('jobs', b),
          { n: 2 },
          `get of an id that differs only at its end (${kind})`,
        )
        await storage.save(a, b, { n: 3 })
        check.equal(await storage.list(a), [{ n: 3 }], `list of a namespace of ${bytes} bytes (${kind})`)
        check.equal(await storage.list(b), [], `list of a namespace that differs only at its end (${kind})`)
      }
      check.equal(await storage.count('jobs'), 6, 'count')
    },
  },
  'prefix-sibling': {
    rule: "A namespace whose name begins with another's shares nothing with it, nor does such a prefix of the adapter.",
    why: '"jobs" and "jobs-eu" live side by side; so do the prefixes "app" and "app2".',
    mistake: 'records are found by the beginning of a key',
    async run(context) {
      await allApart(context, ['jobs', 'jobs2', 'jobs:', 'jobs:a', 'jobs/a', 'job', 'jobs a'])
      const { storage, check, openElsewhere, namespace } = context
      await storage.save('x', 'a', { here: true, createdAt: 1 })
      for (const like of [`${namespace}2`, `${namespace}:x`, `${namespace}:`, namespace.slice(0, -1)]) {
        const sibling = await openElsewhere(like)
        check.equal(await sibling.storage.list('x'), [], `list under the prefix ${JSON.stringify(like)}`)
        await sibling.storage.save('x', 'a', { here: false, createdAt: 1 })
        check.equal(await sibling.storage.prune('x', 10), 1, `prune under the prefix ${JSON.stringify(like)}`)
      }
      check.equal(
        await storage.get('x', 'a'),
        { here: true, createdAt: 1 },
        'the record under the shorter prefix',
      )
    },
  },
  'list-empty': {
    rule: 'A namespace without records lists as [], counts 0 and prunes 0; none needs creating.',
    why: 'A new installation starts empty; core asks before it writes.',
    mistake: 'the namespace is a table or file that does not exist yet',
    async run({ storage, check, has }) {
      check.equal(await storage.list('never'), [], 'list of a namespace never written')
      check.equal(
        await storage.list('never', { a: 1 }, { limit: 5, orderBy: { field: 'b' } }),
        [],
        'list with a filter and an order',
      )
      check.equal(await storage.count('never'), 0, 'count')
      check.equal(await storage.prune('never', Date.now() + LONG), 0, 'prune')
      if (has('storage.page')) check.equal(await storage.page!('never', undefined, { limit: 5 }), [], 'page')
      await storage.save('never', 'a', { n: 1 })
      await storage.delete('never', 'a')
      check.equal(await storage.list('never'), [], 'list after the only record was deleted')
    },
  },
})
