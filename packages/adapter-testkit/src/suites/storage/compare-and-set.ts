import { type Case, suite } from '../../case.ts'

const WHY =
  'It is the fence: with it a worker that was thought dead cannot overwrite what its successor wrote.'

export const compareAndSetCases: readonly Case[] = suite('storage', ['storage', 'storage.compareAndSet'], {
  'cas-ok': {
    rule: 'compareAndSet stores the value whole, and resolves true, when the record’s rev equals the expected one; a record without rev counts as 0.',
    why: WHY,
    mistake: 'the value is merged, or a missing rev is compared as null',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { rev: 4, state: 'x', old: true })
      check.equal(
        await storage.compareAndSet!('jobs', 'a', 4, { rev: 5, state: 'y' }),
        true,
        'compareAndSet on the right rev',
      )
      check.equal(await storage.get('jobs', 'a'), { rev: 5, state: 'y' }, 'get after it')
      check.equal(
        await storage.compareAndSet!('jobs', 'a', 5, { rev: 6 }),
        true,
        'compareAndSet on the rev it wrote',
      )
      await storage.save('jobs', 'b', { n: 1 })
      check.equal(
        await storage.compareAndSet!('jobs', 'b', 0, { n: 2, rev: 1 }),
        true,
        'compareAndSet with 0 on a record without rev',
      )
      check.equal(await storage.count('jobs', { rev: 1 }), 1, 'count by the new rev')
    },
  },
  'cas-stale': {
    rule: 'With another rev than the record’s, compareAndSet resolves false and changes nothing.',
    why: WHY,
    mistake: 'the condition is >= or missing, or the answer is true whenever the call worked',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { rev: 4, state: 'x' })
      for (const rev of [3, 5, 0, 44])
        check.equal(
          await storage.compareAndSet!('jobs', 'a', rev, { rev: 9, state: 'no' }),
          false,
          `compareAndSet expecting ${rev} on rev 4`,
        )
      check.equal(await storage.get('jobs', 'a'), { rev: 4, state: 'x' }, 'the record afterwards')
      await storage.save('jobs', 'b', { n: 1 })
      check.equal(
        await storage.compareAndSet!('jobs', 'b', 1, { rev: 2 }),
        false,
        'compareAndSet expecting 1 on a record without rev',
      )
      check.equal(await storage.get('jobs', 'b'), { n: 1 }, 'that record afterwards')
    },
  },
  'cas-missing': {
    rule: 'With an expected rev and no record, compareAndSet resolves false and makes none: also with 0.',
    why: 'A job that was pruned must not come back as half a record when a late worker settles it.',
    mistake: 'an upsert: the record is made when it is not there',
    async run({ storage, check }) {
      for (const rev of [0, 1, 7])
        check.equal(
          await storage.compareAndSet!('jobs', 'a', rev, { rev: rev + 1 }),
          false,
          `compareAndSet expecting ${rev} where there is none`,
        )
      check.equal(await storage.get('jobs', 'a'), null, 'get afterwards')
      check.equal(await storage.count('jobs'), 0, 'count afterwards')
    },
  },
  'cas-deleted': {
    rule: 'A deleted record is no record: its last rev is refused, and null inserts anew.',
    why: 'Otherwise an id that is used again inherits the past of the job before.',
    mistake: 'a tombstone keeps the rev and still matches, or blocks the insert',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { rev: 3 })
      await storage.delete('jobs', 'a')
      check.equal(
        await storage.compareAndSet!('jobs', 'a', 3, { rev: 4 }),
        false,
        'compareAndSet expecting the rev of the deleted record',
      )
      check.equal(await storage.get('jobs', 'a'), null, 'get afterwards')
      check.equal(
        await storage.compareAndSet!('jobs', 'a', null, { rev: 9 }),
        true,
        'compareAndSet expecting no record',
      )
      check.equal(await storage.get('jobs', 'a'), { rev: 9 }, 'get after the insert')
      await storage.save('jobs', 'p', { rev: 1, finishedAt: 1 })
      await storage.prune('jobs', 5)
      check.equal(
        await storage.compareAndSet!('jobs', 'p', null, { rev: 2 }),
        true,
        'compareAndSet expecting no record, after prune',
      )
    },
  },
  'insert-if-absent': {
    rule: 'With null, compareAndSet inserts when there is no record and resolves false, changing nothing, when there is one.',
    why: 'That a repeated enqueue makes one job rests on it.',
    mistake: 'null is compared as rev 0 or NULL, so a record without rev is overwritten',
    async run({ storage, check, open }) {
      check.equal(await storage.compareAndSet!('jobs', 'a', null, { rev: 1, n: 1 }), true, 'the first insert')
      check.equal(
        await storage.compareAndSet!('jobs', 'a', null, { rev: 1, n: 2 }),
        false,
        'the second insert',
      )
      check.equal(await storage.get('jobs', 'a'), { rev: 1, n: 1 }, 'the record afterwards')
      await storage.save('jobs', 'b', { n: 1 })
      check.equal(
        await storage.compareAndSet!('jobs', 'b', null, { n: 2 }),
        false,
        'insert over a record without rev',
      )
      await storage.save('jobs', 'c', { rev: null, n: 1 })
      check.equal(
        await storage.compareAndSet!('jobs', 'c', null, { n: 2 }),
        false,
        'insert over a record whose rev is null',
      )
      const nodes = [storage, (await open()).storage]
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => nodes[n % 2]!.compareAndSet!('jobs', 'd', null, { rev: 1, n })),
      )
      check.equal(answers.filter(Boolean).length, 1, 'how many of ten inserts at once resolve true')
      const stored = await storage.get<{ n: number }>('jobs', 'd')
      check.equal(answers[stored?.n ?? -1], true, 'the answer of the insert whose value is stored')
    },
  },
  'cas-n-writers': {
    rule: 'Of many writers that expect the same rev exactly one succeeds, over several nodes; no update is lost.',
    why: WHY,
    mistake: 'get, compare, then save: between the read and the write another writer fits in',
    async run({ storage, check, open }) {
      const nodes = [storage, (await open()).storage, (await open()).storage]
      await storage.save('jobs', 'a', { rev: 0, by: [] as number[] })
      for (let rev = 0; rev < 5; rev++) {
        const answers = await Promise.all(
          Array.from({ length: 9 }, (_, n) =>
            nodes[n % nodes.length]!.compareAndSet!('jobs', 'a', rev, { rev: rev + 1, by: n }),
          ),
        )
        check.equal(
          answers.filter((won) => won === true).length,
          1,
          `how many of nine writers that expect rev ${rev} succeed`,
        )
        const stored = await storage.get<{ by: number }>('jobs', 'a')
        check.equal(answers[stored?.by ?? -1], true, 'the answer of the writer whose value is stored')
      }
      await storage.save('jobs', 'sum', { rev: 0, sum: 0 })
      const add = async (node: typeof storage): Promise<void> => {
        for (let added = 0; added < 5; ) {
          const seen = (await node.get<{ rev: number; sum: number }>('jobs', 'sum'))!
          if (await node.compareAndSet!('jobs', 'sum', seen.rev, { rev: seen.rev + 1, sum: seen.sum + 1 }))
            added++
        }
      }
      await Promise.all([...nodes, ...nodes].map(add))
      check.equal(
        await storage.get('jobs', 'sum'),
        { rev: 30, sum: 30 },
        'the sum after six writers added 1 five times each',
      )
    },
  },
  'cas-preserves-types': {
    rule: 'compareAndSet stores every type as save does, and compares revs exactly up to 2^53 − 1.',
    why: 'A new record’s rev is the server’s microseconds: sixteen digits, where floats and scripts begin to round.',
    mistake: 'the value goes through a script’s JSON, or the rev is compared as a float or as text',
    async run({ storage, check }) {
      const rev = 1_730_123_456_789_013
      const value = {
        rev,
        at: new Date(5),
        list: [],
        object: {},
        n: 0.1,
        text: 'é\0',
        nothing: null,
        nested: [{ at: new Date(6) }],
      }
      check.equal(await storage.compareAndSet!('jobs', 'a', null, value), true, 'insert')
      check.equal(await storage.get('jobs', 'a'), value, 'get after the insert')
      for (const near of [rev - 1, rev + 1, rev - 0.5])
        check.equal(
          await storage.compareAndSet!('jobs', 'a', near, value).catch(() => false),
          false,
          `compareAndSet expecting ${near} on ${rev}`,
        )
      check.equal(
        await storage.compareAndSet!('jobs', 'a', rev, { ...value, rev: rev + 1 }),
        true,
        `compareAndSet expecting ${rev}`,
      )
      check.equal(await storage.get('jobs', 'a'), { ...value, rev: rev + 1 }, 'get after the update')
      await storage.compareAndSet!('jobs', 'b', null, { rev: 2 ** 53 - 1 })
      check.equal(
        await storage.compareAndSet!('jobs', 'b', 2 ** 53 - 2, { rev: 1 }),
        false,
        'one below the largest rev',
      )
    },
  },
})

export const batchCases: readonly Case[] = suite('storage', ['storage'], {
  savemany: {
    rule: 'saveMany stores every record, replacing whole, like that many saves; an empty list is fine.',
    why: 'Core saves in batches wherever it can.',
    mistake: 'only the first batch, or only new ids, are written',
    needs: ['storage.saveMany'],
    async run({ storage, check }) {
      await storage.save('jobs', 'r1', { old: true, keep: 1 })
      const records = Array.from({ length: 120 }, (_, n) => ({
        id: `r${n}`,
        value: { n, at: new Date(n), list: [] },
      }))
      await storage.saveMany!('jobs', records)
      check.equal(await storage.count('jobs'), 120, 'count after saveMany of 120')
      check.equal(
        await storage.get('jobs', 'r1'),
        { n: 1, at: new Date(1), list: [] },
        'a record that was there before',
      )
      check.equal(
        await storage.get('jobs', 'r119'),
        { n: 119, at: new Date(119), list: [] },
        'the last record',
      )
      await storage.saveMany!('jobs', [])
      check.equal(await storage.count('jobs'), 120, 'count after saveMany of nothing')
    },
  },
  'getmany-order': {
    rule: 'getMany gives one answer per id, in the order of the ids: null for missing ones, repeated ids repeated.',
    why: 'Core pairs answers with ids by their place: a shift hands one job’s payload to another.',
    mistake: 'the rows of one IN query are given back as they come, without the missing ones',
    needs: ['storage.getMany'],
    async run({ storage, check, random }) {
      for (let n = 0; n < 20; n++) await storage.save('jobs', `r${n}`, { n })
      const ids = random.shuffle([...Array.from({ length: 20 }, (_, n) => `r${n}`), 'none', 'nobody'])
      const expected = ids.map((id) => (id.startsWith('r') ? { n: Number(id.slice(1)) } : null))
      check.equal(await storage.getMany!('jobs', ids), expected, 'answers in the order of the ids')
      check.equal(
        await storage.getMany!('jobs', ['r3', 'none', 'r3']),
        [{ n: 3 }, null, { n: 3 }],
        'answers for a repeated id',
      )
      check.equal(await storage.getMany!('jobs', []), [], 'answers for no ids')
    },
  },
  'deletemany-count': {
    rule: 'deleteMany deletes all of the ids and resolves to the number that existed.',
    why: 'Sweeps count what they removed.',
    mistake: 'the number of ids asked for is given back',
    needs: ['storage.deleteMany'],
    async run({ storage, check }) {
      for (const id of ['a', 'b', 'c', 'd']) await storage.save('jobs', id, { id })
      check.equal(await storage.deleteMany!('jobs', ['a', 'nobody', 'c']), 2, 'what deleteMany resolves to')
      check.equal(await storage.list('jobs'), [{ id: 'b' }, { id: 'd' }], 'what is left')
      check.equal(await storage.deleteMany!('jobs', []), 0, 'what deleteMany of nothing resolves to')
    },
  },
  'cas-many': {
    rule: 'compareAndSetMany gives one answer per item, in order, each item atomic by itself: a refused one stops no other.',
    why: 'A batch of settles holds one stale token now and then; the others must go through.',
    mistake: 'one transaction for the whole batch, or answers by the order of the rows found',
    needs: ['storage.compareAndSetMany'],
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { rev: 1 })
      await storage.save('jobs', 'b', { rev: 5 })
      const answers = await storage.compareAndSetMany!('jobs', [
        { id: 'z', expectedRev: null, value: { rev: 10 } },
        { id: 'b', expectedRev: 4, value: { rev: 99 } },
        { id: 'a', expectedRev: 1, value: { rev: 2, list: [] } },
        { id: 'y', expectedRev: 0, value: { rev: 1 } },
        { id: 'c', expectedRev: null, value: { rev: 1 } },
      ])
      check.equal(answers, [true, false, true, false, true], 'the answers in order')
      const records = await storage.list('jobs')
      check.equal(
        records,
        [{ rev: 2, list: [] }, { rev: 5 }, { rev: 1 }, { rev: 10 }],
        'the records a, b, c, z',
      )
      check.equal(await storage.compareAndSetMany!('jobs', []), [], 'the answers to no items')
    },
  },
})
