import { type Case, suite } from '../../case.ts'

export const valueCases: readonly Case[] = suite('storage', ['storage'], {
  roundtrip: {
    rule: 'What save stored, get gives back: JSON values of every kind, nested, equal by value.',
    why: 'A payload that comes back changed makes a handler work on something nobody enqueued.',
    mistake: 'a column or field type changes the value (numbers as text, lists as objects, keys lower-cased)',
    async run({ storage, check }) {
      const value = {
        text: 'grüße 🌍 "quoted" \\ back\nline',
        zero: 0,
        negative: -1.5,
        yes: true,
        no: false,
        nothing: null,
        list: [1, 'two', [3], { four: 4 }],
        nested: { a: { b: { c: 'deep' } } },
        empty: {},
        '': 'an empty key',
        'key with spaces': 1,
      }
      await storage.save('jobs', 'a', value)
      check.equal(await storage.get('jobs', 'a'), value, 'get after save')
      check.equal(await storage.list('jobs'), [value], 'list after save')
    },
  },
  'missing-null': {
    rule: 'get of an id that was never saved gives null.',
    why: 'Core tells a new job from a known one by it; undefined or an error would stop the enqueue.',
    mistake: 'get gives undefined, or throws when nothing is found',
    async run({ storage, check }) {
      check.ok((await storage.get('jobs', 'nobody')) === null, 'get of a missing id gives null, nothing else')
      await storage.save('other', 'nobody', { n: 1 })
      check.ok(
        (await storage.get('jobs', 'nobody')) === null,
        'get of an id that only another namespace has gives null',
      )
    },
  },
  'save-replaces': {
    rule: 'save replaces the whole record; fields of the former one are gone.',
    why: 'A merged record keeps an old error, result or worker, and a job is judged by what is no longer true.',
    mistake: 'save merges into the stored document ($set, spread, JSON merge) instead of replacing it',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { state: 'running', worker: 'w1', nested: { x: 1, y: 2 } })
      await storage.save('jobs', 'a', { state: 'done', nested: { y: 3 } })
      check.equal(
        await storage.get('jobs', 'a'),
        { state: 'done', nested: { y: 3 } },
        'get after the second save',
      )
      check.equal(await storage.count('jobs'), 1, 'count after saving one id twice')
    },
  },
})
