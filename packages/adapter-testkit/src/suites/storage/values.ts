import { type Case, suite } from '../../case.ts'

export const valueCases: readonly Case[] = suite('storage', ['storage'], {
  roundtrip: {
    rule: 'What save stored, get gives back: JSON values of every kind, nested, equal by value.',
    why: 'A payload that comes back changed makes a handler work on something nobody enqueued.',
    mistake: 'a column or field type changes the value (numbers as text, lists as objects, keys lower-cased)',
    async run({ storage, check, open }) {
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
      const other = await open()
      check.equal(
        await other.storage.get('jobs', 'a'),
        value,
        'get by another node after save was acknowledged',
      )
    },
  },
  'missing-null': {
    rule: 'get of an id that was never saved gives null.',
    why: 'Core tells a new job from a known one by it; undefined or an error would stop the enqueue.',
    mistake: 'get gives undefined, or throws when nothing is found',
    async run({ storage, check }) {
      check.ok((await storage.get('jobs', 'nobody')) === null, 'get of a missing id is null, nothing else')
      await storage.save('other', 'nobody', { n: 1 })
      check.ok(
        (await storage.get('jobs', 'nobody')) === null,
        'get of an id that only another namespace has is null',
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
      check.equal(
        await storage.count('jobs', { worker: 'w1' }),
        0,
        'count by a field that the second save left out',
      )
    },
  },
  'save-idempotent': {
    rule: 'Saving one id again, alike or not, leaves one record: the last writer wins.',
    why: 'Core repeats a save whose answer was lost; a second record would run the job twice.',
    mistake: 'save inserts without a unique key on (namespace, id), or fails on a duplicate',
    async run({ storage, check }) {
      for (const n of [1, 1, 2]) await storage.save('jobs', 'a', { n })
      check.equal(await storage.count('jobs'), 1, 'count after saving one id three times')
      check.equal(await storage.list('jobs'), [{ n: 2 }], 'list after saving one id three times')
      await Promise.all(Array.from({ length: 10 }, (_, n) => storage.save('jobs', 'b', { n })))
      check.equal(await storage.count('jobs'), 2, 'count after ten saves of another id at once')
    },
  },
  delete: {
    rule: 'After delete resolved, the record is gone from get, list and count; others stay.',
    why: 'A record that comes back would make a discarded job known again.',
    mistake:
      'delete only marks the record and a read forgets to look at the mark, or an index entry stays behind',
    async run({ storage, check }) {
      for (const id of ['a', 'b', 'ab']) await storage.save('jobs', id, { id, kind: 'x' })
      const answer: unknown = await storage.delete('jobs', 'a')
      check.equal(answer ?? null, null, 'what delete resolves to')
      check.equal(await storage.get('jobs', 'a'), null, 'get after delete')
      check.equal(
        await storage.list('jobs', { kind: 'x' }),
        [
          { id: 'ab', kind: 'x' },
          { id: 'b', kind: 'x' },
        ],
        'list after delete',
      )
      check.equal(await storage.count('jobs'), 2, 'count after delete')
      await storage.save('jobs', 'a', { id: 'a', again: true })
      check.equal(
        await storage.get('jobs', 'a'),
        { id: 'a', again: true },
        'get after saving the deleted id again',
      )
    },
  },
  'delete-missing': {
    rule: 'Deleting an id that is not there is no error and changes nothing.',
    why: 'Two sweeps may delete the same record; the second must not fail the round.',
    mistake: 'delete throws, or answers an error, when nothing was deleted',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { n: 1 })
      await check.resolves(storage.delete('jobs', 'nobody'), 'delete of a missing id')
      await check.resolves(storage.delete('nowhere', 'a'), 'delete in a namespace that has nothing')
      check.equal(await storage.get('jobs', 'a'), { n: 1 }, 'another record after both')
    },
  },
  'undefined-dropped': {
    rule: 'A property whose value is undefined is not stored: it is missing when the record comes back.',
    why: 'Stored as null it would match filters for null and change what an optional field means.',
    mistake: 'the driver turns undefined into null',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { id: 'a', gone: undefined, nested: { gone: undefined, kept: 1 } })
      const seen = await storage.get<Record<string, unknown>>('jobs', 'a')
      check.ok(seen !== null && !Object.hasOwn(seen, 'gone'), 'the undefined property is missing', seen)
      check.equal(seen, { id: 'a', nested: { kept: 1 } }, 'get after save')
      check.equal(await storage.count('jobs', { gone: null }), 0, 'count by null of the dropped field')
    },
  },
  'null-kept': {
    rule: 'null stays null; it is not dropped.',
    why: 'finishedAt: null says that a job is unfinished: dropped, prune would go by createdAt and delete live jobs.',
    mistake: 'the adapter strips null values, or the database stores them as nothing',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { finishedAt: null, nested: { x: null }, list: [null, 1, null] })
      const seen = await storage.get<Record<string, unknown>>('jobs', 'a')
      check.ok(seen !== null && Object.hasOwn(seen, 'finishedAt'), 'the null property is there', seen)
      check.equal(seen, { finishedAt: null, nested: { x: null }, list: [null, 1, null] }, 'get after save')
    },
  },
  'date-roundtrip': {
    rule: 'A Date comes back as a Date of the same instant, anywhere in the value; text and objects that look like one stay what they are.',
    why: 'Handlers call methods of Date on it; a lost millisecond or a time zone moves the instant.',
    mistake: 'JSON.stringify turned it into text, or every text that looks like a date is revived',
    async run({ storage, check }) {
      const at = new Date('2024-02-29T23:59:59.987Z')
      const value = {
        at,
        list: [new Date(0), new Date(-1), { deep: new Date(8.64e15) }],
        text: '2024-02-29T23:59:59.987Z',
        lookalike: { $date: 1_700_000_000_000 },
        lookalike2: { $$date: 'x' },
        typed: { __type: 'Date', value: 1 },
      }
      await storage.save('jobs', 'a', value)
      const seen = await storage.get<typeof value>('jobs', 'a')
      check.ok(seen?.at instanceof Date, 'a Date comes back as a Date', seen?.at)
      check.equal(seen, value, 'get after save')
      const [listed] = await storage.list<typeof value>('jobs')
      check.equal(listed, value, 'list after save')
    },
  },
  negzero: {
    rule: '-0 is stored as 0.',
    why: 'Backends differ in keeping its sign; a comparison that holds on one would fail on another.',
    mistake: 'the driver or an in-process copy keeps the sign',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { n: -0, list: [-0] })
      const seen = await storage.get<{ n: number; list: number[] }>('jobs', 'a')
      check.equal(seen, { n: 0, list: [0] }, 'get after save')
      check.ok(!Object.is(seen?.n, -0) && !Object.is(seen?.list[0], -0), 'the zero has no sign', seen)
    },
  },
  'empty-array-stays': {
    rule: 'An empty list stays a list, and an empty object an object.',
    why: 'payload.items.map fails on {}; a handler breaks only for the customers without items.',
    mistake:
      'a script language without lists (Lua cjson, PHP) turned [] into {}, or an empty value was dropped',
    async run({ storage, check, has }) {
      const value = { rev: 1, list: [], object: {}, nested: { list: [], rows: [[], {}] } }
      await storage.save('jobs', 'a', value)
      check.equal(await storage.get('jobs', 'a'), value, 'get after save')
      check.equal(await storage.list('jobs'), [value], 'list after save')
      if (!has('storage.compareAndSet')) return
      await storage.compareAndSet?.('jobs', 'a', 1, { ...value, rev: 2 })
      check.equal(await storage.get('jobs', 'a'), { ...value, rev: 2 }, 'get after compareAndSet')
    },
  },
  'int53-exact': {
    rule: 'Numbers come back exactly, integers up to 2^53 − 1 and every finite double.',
    why: 'Fences and revisions are microseconds since 1970; one off by rounding makes two claims look the same.',
    mistake:
      'a number went through a 32-bit or single-precision column, or a script printed it with 14 digits',
    async run({ storage, check }) {
      const numbers = [
        2 ** 53 - 1,
        -(2 ** 53 - 1),
        1_730_000_000_000_001,
        1_730_000_000_000_003,
        2 ** 31,
        2 ** 32 + 1,
        0.1 + 0.2,
        1e21,
        5e-324,
        1.7976931348623157e308,
      ]
      await storage.save('jobs', 'a', { numbers, rev: numbers[2] })
      check.equal(await storage.get('jobs', 'a'), { numbers, rev: numbers[2] }, 'get after save')
      check.equal(await storage.count('jobs', { rev: numbers[2] }), 1, 'count by the exact number')
      check.equal(await storage.count('jobs', { rev: numbers[3] }), 0, 'count by a number two above')
    },
  },
  'nul-char': {
    rule: 'A NUL inside a string survives, and so does text that looks like an escape of it.',
    why: 'Binary-ish payloads exist; PostgreSQL JSONB rejects them and drivers written in C cut at them.',
    mistake: 'the server forbids NUL and the adapter does not escape it, or escapes it irreversibly',
    async run({ storage, check }) {
      const value = {
        text: 'a\0b',
        only: '\0',
        end: 'x\0',
        looks: '\\u0000',
        looks2: '\\\\u0000',
        symbol: '\u2400',
        list: ['\0\0', { deep: '\0' }],
      }
      await storage.save('jobs', 'a', value)
      check.equal(await storage.get('jobs', 'a'), value, 'get after save')
    },
  },
  'proto-key-inert': {
    rule: 'A key called __proto__ or constructor is a key like any other: it changes no prototype.',
    why: 'Payloads come from outside; one of them must not switch on a flag in every object of the process.',
    mistake: 'values are copied by assignment (target[key] = value), which sets the prototype',
    async run({ storage, check }) {
      const text =
        '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1,"n":{"__proto__":[1]}}'
      const value: unknown = JSON.parse(text)
      await storage.save('jobs', 'a', value)
      const seen = await storage.get<Record<string, unknown>>('jobs', 'a')
      const clean: { polluted?: unknown } = {}
      check.equal(clean.polluted, undefined, 'a fresh object after reading the value')
      check.ok(seen !== null && seen.polluted === undefined, 'the record inherits nothing', seen?.polluted)
      check.ok(
        Array.isArray(Object.getOwnPropertyDescriptor(seen?.n ?? {}, '__proto__')?.value),
        'the key itself is kept',
        seen,
      )
      check.equal(seen, value, 'get after save')
    },
  },
  'dollar-dot-field': {
    rule: 'Keys may begin with $ and contain dots; a filter names a top-level field, never a path.',
    why: 'Payloads hold them, and operators hidden in a key would run as commands.',
    mistake: 'the document database takes a.b as a path and $set as an operator, so keys need encoding',
    async run({ storage, check }) {
      const dotted = {
        id: 'dotted',
        'a.b': 1,
        $set: { x: 1 },
        $: 0,
        '.': 2,
        'a..b': 3,
        nested: { '$x.y': [{ 'z.': 1 }] },
      }
      const path = { id: 'path', a: { b: 1 } }
      await storage.save('jobs', 'dotted', dotted)
      await storage.save('jobs', 'path', path)
      check.equal(await storage.get('jobs', 'dotted'), dotted, 'get of keys with $ and dots')
      check.equal(await storage.list('jobs', { 'a.b': 1 }), [dotted], 'list by the field "a.b"')
    },
  },
  'payload-1MiB': {
    rule: 'A value of 1 MiB is stored and comes back whole.',
    why: 'Reports and mails reach that; a smaller hidden limit shows only in production.',
    mistake: 'a column, packet or buffer limit below 1 MiB; declare it in traits.maxValueBytes',
    async run({ storage, check, traits, notApplicable, random }) {
      const size = 2 ** 20
      const most = traits('storage').maxValueBytes
      if (most !== undefined && most < size + 100) notApplicable(`the storage takes at most ${most} bytes`)
      const text = random.text(64).repeat(size / 64)
      await storage.save('jobs', 'a', { text })
      const seen = await storage.get<{ text: string }>('jobs', 'a')
      check.equal(seen?.text.length, text.length, 'the length of the text that came back')
      check.ok(seen?.text === text, 'the text came back as it was', 'another text of that length')
    },
  },
  'oversize-typed-error': {
    rule: 'A value above the size limit (traits.maxValueBytes, 8 MiB by default) rejects VALUE_TOO_LARGE and stores nothing.',
    why: 'A silent cut or a raw driver error cannot be told from an outage, so core would retry for ever.',
    mistake:
      "the value's size is left to the server, whose own error comes through or whose limit cuts the value",
    async run({ storage, check, traits, notApplicable }) {
      const declared = traits('storage').maxValueBytes
      const limit = declared ?? 8 * 2 ** 20
      if (limit > 64 * 2 ** 20) notApplicable(`a value above ${limit} bytes is too large to try`)
      const value = { text: 'x'.repeat(limit + 1) }
      await storage.save('jobs', 'a', { n: 1 })
      if (declared === undefined) {
        // an adapter that declares nothing may take more; it may not take a part
        const error = await storage.save('jobs', 'a', value).then(
          () => undefined,
          (reason: unknown) => reason as { code?: string },
        )
        if (error === undefined) {
          check.ok(
            (await storage.get<typeof value>('jobs', 'a'))?.text.length === limit + 1,
            'the accepted value is whole',
          )
          return
        }
        check.equal(error.code, 'VALUE_TOO_LARGE', 'the code of the rejection')
      } else
        await check.rejects(
          storage.save('jobs', 'a', value),
          'VALUE_TOO_LARGE',
          `save of ${limit + 1} characters`,
        )
      check.equal(await storage.get('jobs', 'a'), { n: 1 }, 'the former record after the rejected save')
    },
  },
})
