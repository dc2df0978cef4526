import { type Case, suite } from '../../case.ts'
import { allApart, allDistinct } from './distinct.ts'

const SEPARATORS = [
  ':',
  '/',
  '|',
  '.',
  '_',
  '-',
  '#',
  ' ',
  '::',
  '%3A',
  '\\',
  '}{',
  '\t',
  ',',
  '\u001f',
  '\uffff',
]

/** Words adapters like to keep for themselves. */
const RESERVED = [
  '__meta__',
  '__meta',
  '_meta',
  'meta',
  '$meta',
  '__index__',
  '__index',
  '_index',
  'index',
  '__ids__',
  'ids',
  'keys',
  '__keys__',
  '__schema__',
  '__version__',
  'version',
  '__count__',
  'count',
  'length',
  '__lock__',
  'lock',
  '__init__',
  '__initialized__',
  '__marker__',
  'marker',
  '__seq__',
  'seq',
  '_id',
  '__id',
  'id',
  'rev',
  '_rev',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'true',
  '0',
  '-1',
  '*',
  '%',
  '_',
  '.',
  '..',
  '~',
  '$',
  '__null__',
  '__empty__',
  '__root__',
  '__sentinel__',
  'sentinel',
  '__state__',
  'system',
  '__system__',
  '__sched__',
  'sched',
  '__namespace__',
  'namespace',
  'default',
]

export const hostileNameCases: readonly Case[] = suite('storage', ['storage'], {
  'separator-collision': {
    rule: 'The parts of a key never run together: namespace "a:b" with id "c" is not namespace "a" with id "b:c".',
    why: 'A user who may choose an id could otherwise write into another namespace.',
    mistake: 'parts are joined by a separator without escaping or a length in front',
    async run({ storage, check }) {
      for (const [n, sep] of SEPARATORS.entries()) {
        const pairs = [
          [`n${n}${sep}b`, 'c'],
          [`n${n}`, `b${sep}c`],
          [`n${n}${sep}`, `b${sep}c`],
          [`n${n}${sep}b${sep}`, 'c'],
        ] as const
        for (const [namespace, id] of pairs) await storage.save(namespace, id, { namespace, id })
        for (const [namespace, id] of pairs)
          check.equal(
            await storage.get(namespace, id),
            { namespace, id },
            `get of ${JSON.stringify(id)} in ${JSON.stringify(namespace)}`,
          )
        for (const [namespace, id] of pairs)
          check.equal(
            await storage.list(namespace),
            [{ namespace, id }],
            `list of ${JSON.stringify(namespace)}`,
          )
      }
      // what escaping makes of a name is a name too
      for (const id of ['x:y', 'x%3Ay', 'x\\:y', 'x\\y', 'x%253Ay', 'x::y', '1:x', '3:x:y'])
        await storage.save('escapes', id, { id })
      check.equal(await storage.count('escapes'), 8, 'count of ids that look like each other escaped')
    },
  },
  'glob-meta': {
    rule: 'Pattern characters in names (* ? [ ] { } ^) mean themselves.',
    why: 'A namespace called "jobs*" must not list, count or delete the records of "jobs-eu".',
    mistake:
      'the namespace is put into a KEYS or SCAN pattern, a file glob or a regular expression unescaped',
    async run(context) {
      await allApart(context, [
        'jobs*',
        'jobsX',
        'jobs?',
        'jobs',
        'jobs[a-z]',
        'jobsa',
        '*',
        '.*',
        '{jobs}',
        'jobs{a,b}',
        '^jobs$',
        'job.',
      ])
      await allDistinct(context, 'ids', [
        '*',
        'a*',
        'ab',
        '?',
        'a',
        '[ab]',
        'b',
        '.',
        '{a}',
        '^a',
        'a$',
        '(a)',
        'a|b',
      ])
    },
  },
  'sql-wildcard': {
    rule: 'SQL wildcards and quotes in names (% _ \' " \\ ; --) mean themselves.',
    why: 'Names come from users; a quote must neither break a query nor end it.',
    mistake: 'LIKE without ESCAPE, or a name put into the text of a query',
    async run(context) {
      await allApart(context, [
        'j_bs',
        'jobs',
        'j%',
        '%',
        '_',
        "o'hara",
        "x'; DROP TABLE jobs; --",
        'q"q',
        'b\\b',
        'd$1',
        '$1',
        '?',
        ':a',
        '@a',
      ])
      await allDistinct(context, 'ids', [
        '%',
        '_',
        'a%',
        'ab',
        "a'b",
        'a"b',
        'a\\b',
        "'; --",
        '$1',
        '?',
        '\\%',
        'a_',
      ])
    },
  },
  'reserved-sentinel': {
    rule: "An adapter's own words never collide with a user's id or namespace, and no record of its own shows up in list or count.",
    why: 'A user whose job is called "__meta__" would overwrite the bookkeeping, or never find the job.',
    mistake: 'a marker, index or counter lives beside the records under a name that a user can choose',
    async run(context) {
      const { storage, check, has } = context
      if (has('storage.index')) await storage.index!('jobs', ['state'])
      check.equal(await storage.list('jobs'), [], 'list of a namespace in which nothing was saved')
      check.equal(await storage.count('jobs'), 0, 'count of a namespace in which nothing was saved')
      await allDistinct(context, 'jobs', RESERVED)
      await allApart(context, RESERVED)
      for (const field of [
        'id',
        '_id',
        'key',
        'value',
        'namespace',
        'ns',
        'rev',
        'data',
        '_rev',
        '__v',
        'type',
        'createdAt',
      ])
        await storage.save('fields', field, { [field]: 'mine' })
      for (const field of ['id', '_id', 'key', 'value', 'namespace', 'ns', 'data', '_rev', '__v', 'type'])
        check.equal(
          await storage.get('fields', field),
          { [field]: 'mine' },
          `a record with a field called ${field}`,
        )
    },
  },
})
