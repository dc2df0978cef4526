import type { IStorageEngine, PatchItem } from '@sched/core/adapter'
import { type Case, suite } from '../../case.ts'

const WHY = 'Jobs are claimed and settled by it: it is the fence, and what it does not name it must not lose.'

/** A claim, as core makes it. */
function claim(id: string, worker: string): PatchItem {
  return { id, where: { state: 'pending' }, set: { state: 'running', worker } }
}

/** The record afterwards, which `patchMany` must give as well. */
async function patched(storage: IStorageEngine, item: PatchItem): Promise<unknown> {
  return (await storage.patchMany!<unknown>('jobs', [item], { read: true }))[0]
}

export const patchingCases: readonly Case[] = suite('storage', ['storage', 'storage.patchMany'], {
  'patch-fields': {
    rule: 'patchMany stores the fields it sets, takes away those that are undefined, leaves all others, and adds one to rev; with `read` it gives the record afterwards, without it true.',
    why: WHY,
    mistake: 'the record is replaced, undefined becomes null, or what is given is the record before',
    async run({ storage, check }) {
      const before = {
        rev: 7,
        state: 'pending',
        dispatch: 'x',
        n: null,
        payload: { list: [1, { a: null }], at: new Date(5) },
      }
      await storage.save('jobs', 'a', before)
      const item: PatchItem = {
        id: 'a',
        where: { state: 'pending' },
        set: {
          state: 'running',
          dispatch: undefined,
          nobody: undefined,
          token: 't',
          list: [null, { x: [] }],
          at: new Date(9),
          text: 'é\u0000\n"',
        },
      }
      const after = {
        rev: 8,
        state: 'running',
        n: null,
        payload: before.payload,
        token: 't',
        list: [null, { x: [] }],
        at: new Date(9),
        text: 'é\u0000\n"',
      }
      check.equal(await patched(storage, item), after, 'the answer with `read`')
      check.equal(await storage.get('jobs', 'a'), after, 'the record afterwards')
      check.equal(
        await storage.count('jobs', { state: 'running', token: 't' }),
        1,
        'count by fields that it set',
      )
      check.equal(
        await storage.count('jobs', { dispatch: { $ne: 'x' } }),
        1,
        'count by a field that it took away',
      )
      check.equal(
        await storage.patchMany!('jobs', [{ id: 'a', where: {}, set: {} }]),
        [true],
        'the answer without `read`',
      )
      check.equal(await storage.get('jobs', 'a'), { ...after, rev: 9 }, 'the record after a patch of nothing')
      check.equal(
        (await storage.compareAndSet?.('jobs', 'a', 9, { rev: 10 })) ?? true,
        true,
        'compareAndSet on the rev that it wrote',
      )
    },
  },
  'patch-where': {
    rule: 'Where a field is not as `where` says (undefined: missing; null: null), where there is no record, or where it has no integer rev, patchMany gives null and changes nothing.',
    why: WHY,
    mistake: 'null is taken for missing, texts are compared as numbers, or a record is made',
    async run({ storage, check }) {
      const record = { rev: 3, text: '1', number: 1, yes: true, nothing: null, list: [1], map: { x: 1 } }
      await storage.save('jobs', 'a', record)
      const refused: PatchItem['where'][] = [
        { text: 1 },
        { number: '1' },
        { yes: 1 },
        { nothing: undefined },
        { nobody: null },
        { list: 1 },
        { map: null },
        { text: undefined },
        { rev: 2 },
        { text: '1', number: 2 },
      ]
      for (const where of refused)
        check.equal(
          await storage.patchMany!('jobs', [{ id: 'a', where, set: { hit: true } }]),
          [null],
          `the answer where ${Object.entries(where)
            .map(([name, value]) => `${name} is ${JSON.stringify(value)}`)
            .join(' and ')}`,
        )
      check.equal(await storage.get('jobs', 'a'), record, 'the record after what was refused')
      const where = { rev: 3, text: '1', number: 1, yes: true, nothing: null, nobody: undefined }
      check.equal(
        await storage.patchMany!('jobs', [{ id: 'a', where, set: {} }]),
        [true],
        'the answer where all of it holds',
      )
      const others: Record<string, unknown> = {
        none: undefined,
        plain: { n: 1 },
        half: { rev: 1.5 },
        text: 'rev',
        list: ['rev'],
        at: new Date(1),
      }
      for (const [id, value] of Object.entries(others)) {
        if (value !== undefined) await storage.save('others', id, value)
        check.equal(
          await storage.patchMany!('others', [{ id, where: {}, set: { hit: true } }]),
          [null],
          `the answer for ${id}`,
        )
        check.equal(await storage.get('others', id), value ?? null, `the record ${id} afterwards`)
      }
    },
  },
  'patch-counts': {
    rule: '`count` names a field that grows by one, from 0 where it is no number; `revTo` one that becomes the new rev, exactly up to 2^53 − 1.',
    why: 'Attempts are counted by the claim, which does not read; the rev of a claim is the fence that handlers guard with.',
    mistake: 'the number is computed by a script that rounds, or a missing field becomes null',
    async run({ storage, check }) {
      const rev = Number.MAX_SAFE_INTEGER - 3
      const item = (set: PatchItem['set']): PatchItem => ({
        id: 'a',
        where: {},
        set,
        count: 'attempt',
        revTo: 'fence',
      })
      await storage.save('jobs', 'a', { rev, fence: 2, large: 2 ** 53 - 1, small: 5e-324 })
      const rest = { large: 2 ** 53 - 1, small: 5e-324 }
      check.equal(
        await patched(storage, item({})),
        { rev: rev + 1, fence: rev + 1, attempt: 1, ...rest },
        'a first count',
      )
      check.equal(
        await patched(storage, item({})),
        { rev: rev + 2, fence: rev + 2, attempt: 2, ...rest },
        'a second count',
      )
      await storage.save('jobs', 'a', { rev: 1, attempt: 'many' })
      check.equal(await patched(storage, item({})), { rev: 2, fence: 2, attempt: 1 }, 'a count of a text')
    },
  },
  'patch-many': {
    rule: 'patchMany gives one answer per item, in order, each item atomic by itself: a refused one stops no other, and an id named twice is changed twice, in order.',
    why: 'A batch of settles holds one stale token now and then; the others must go through.',
    mistake: 'one transaction for the whole batch, or answers by the order of the rows found',
    async run({ storage, check }) {
      for (const id of ['a', 'b', 'c'])
        await storage.save('jobs', id, { rev: 1, id, state: id === 'b' ? 'running' : 'pending' })
      const items = [claim('c', 'w'), claim('nobody', 'w'), claim('b', 'w'), claim('a', 'w'), claim('a', 'v')]
      const answers = await storage.patchMany!<{ id: string; worker: string }>('jobs', items, { read: true })
      check.equal(
        answers.map((record) => record && `${record.id} by ${record.worker}`),
        ['c by w', null, null, 'a by w', null],
        'the answers in order',
      )
      const twice = [1, 2].map((n): PatchItem => ({ id: 'b', where: { rev: n }, set: { n } }))
      check.equal(await storage.patchMany!('jobs', twice), [true, true], 'the answers for an id named twice')
      check.equal(
        await storage.get('jobs', 'b'),
        { rev: 3, id: 'b', state: 'running', n: 2 },
        'that record afterwards',
      )
      check.equal(await storage.patchMany!('jobs', []), [], 'the answers to no items')
    },
  },
  'patch-alike': {
    rule: 'Patches of a call may name the same fields and differ in what they want and set, value by value, by type alone, too: each record gets its own.',
    why: 'The claims of a batch differ in their receipts, its ends in their results; an adapter may make one update of them.',
    mistake: 'the values of the first are taken for all, or looked up by another id',
    async run({ storage, check }) {
      const values = ['1', 1, true, null, '', '$f.id', 0.5, 2 ** 53 - 1]
      const set = [{ n: 1 }, [null], new Date(5), null, '$$ROOT', 0, { $literal: 1 }, '__proto__']
      for (const [n, value] of values.entries())
        await storage.save('jobs', `a${n}`, { rev: n, id: `a${n}`, value, same: 's' })
      const items = values.map((value, n): PatchItem => {
        // the value of another one is not this one's
        const wanted = n % 3 === 2 ? values[n - 1]! : value
        return {
          id: `a${n}`,
          where: { value: wanted, same: 's' },
          set: { own: set[n], all: 'x', same: undefined },
          revTo: 'to',
        }
      })
      const after = values.map((value, n) =>
        n % 3 === 2 ? null : { rev: n + 1, to: n + 1, id: `a${n}`, value, own: set[n], all: 'x' },
      )
      // the order of the call is not that of the records
      items.reverse()
      const answers = await storage.patchMany!<unknown>('jobs', items, { read: true })
      check.equal(answers.reverse(), after, 'the answers in order')
      for (const [n, value] of values.entries())
        check.equal(
          await storage.get('jobs', `a${n}`),
          after[n] ?? { rev: n, id: `a${n}`, value, same: 's' },
          `the record a${n} afterwards`,
        )
    },
  },
  'patch-not-lasting': {
    rule: 'With `lasting` false patchMany does the same; with `freshRev` rev may grow by more than one, and a field for the rev gets the same.',
    why: 'A claim that nobody needs to wait for is fenced like any other, and no number may be given out twice.',
    mistake:
      'the option changes what is refused or what is written; or the rev that is given is not the one that is stored',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { rev: 7, state: 'pending', payload: { n: 1 } })
      const claims = [{ ...claim('a', 'w'), count: 'attempt', revTo: 'fence' }, claim('a', 'v')]
      const hasty = { read: true, lasting: false, freshRev: true }
      const [first, second] = await storage.patchMany!<{ rev: number }>('jobs', claims, hasty)
      const rev = first?.rev ?? 0
      check.ok(Number.isSafeInteger(rev) && rev > 7, `the rev afterwards is an integer above 7: ${rev}`)
      const after = { rev, fence: rev, state: 'running', worker: 'w', attempt: 1, payload: { n: 1 } }
      check.equal([first, second], [after, null], 'the answers to a patch and to one that is refused')
      check.equal(await storage.get('jobs', 'a'), after, 'the record afterwards')
      check.equal(
        await storage.patchMany!('jobs', [{ id: 'a', where: { rev }, set: { state: 'done' } }]),
        [true],
        'a patch of the rev that was given',
      )
    },
  },
  'patch-n-writers': {
    rule: 'Of many writers whose `where` excludes each other exactly one succeeds, over several nodes; of those whose do not all do, and no change is lost.',
    why: WHY,
    mistake: 'the record is read, looked at and written in steps; or a writer that met another is refused',
    async run({ storage, check, open }) {
      const storages = [storage, (await open()).storage, (await open()).storage]
      const all = Array.from({ length: 9 }, (_, n) => ({ from: storages[n % 3]!, n }))
      await storage.save('jobs', 'a', { rev: 1, state: 'pending' })
      const claims = await Promise.all(
        all.map(({ from, n }) => from.patchMany!('jobs', [claim('a', `w${n}`)])),
      )
      check.equal(claims.filter(([done]) => done).length, 1, 'how many of nine claims succeed')
      await storage.save('jobs', 'b', { rev: 1 })
      const marks = await Promise.all(
        all.map(({ from, n }) =>
          from.patchMany!('jobs', [{ id: 'b', where: {}, set: { [`by${n}`]: true }, count: 'writers' }]),
        ),
      )
      check.equal(
        marks.map(([done]) => done),
        all.map(() => true),
        'the answers to nine patches of fields of their own',
      )
      const record = await storage.get<Record<string, unknown>>('jobs', 'b')
      check.equal(
        [Object.keys(record ?? {}).length, record?.rev, record?.writers],
        [11, 10, 9],
        'fields, rev and count afterwards',
      )
    },
  },
  'patch-prune': {
    rule: 'After patchMany prune goes by the fields as they are then: finishedAt set, changed or taken away, createdAt where it is missing.',
    why: 'A settle ends a job by a patch: the record must be pruned when its age is up, and not while it is unfinished.',
    mistake: 'a column or field of the adapter’s own, by which it prunes, is not changed with the record',
    async run({ storage, check }) {
      const records = {
        ends: { finishedAt: null },
        goesOn: { finishedAt: 50 },
        later: { finishedAt: 50 },
        byDate: {},
        without: { finishedAt: 500, createdAt: 50 },
        made: { createdAt: 500 },
      }
      for (const [id, value] of Object.entries(records))
        await storage.save('jobs', id, { rev: 1, id, ...value })
      const sets: Record<keyof typeof records, object> = {
        ends: { finishedAt: 99 },
        goesOn: { finishedAt: null },
        later: { finishedAt: 500 },
        byDate: { finishedAt: new Date(99) },
        without: { finishedAt: undefined },
        made: { createdAt: 99 },
      }
      await storage.patchMany!(
        'jobs',
        Object.entries(sets).map(([id, set]) => ({ id, where: {}, set: set as PatchItem['set'] })),
      )
      check.equal(await storage.prune('jobs', 100), 4, 'what prune resolves to')
      check.equal(
        (await storage.list<{ id: string }>('jobs')).map(({ id }) => id),
        ['goesOn', 'later'],
        'the ids that stay',
      )
    },
  },
  'patch-names': {
    rule: 'Fields are called whatever a record’s may be, in every part of a patch.',
    why: 'Names with a meaning to the server or to JavaScript find or change another field, or none.',
    mistake: 'a name becomes part of a path or of a statement',
    async run({ storage, check }) {
      const names = [
        'a.b',
        '$set',
        '$date',
        '__proto__',
        'constructor',
        '',
        'é"\'\\',
        'nul\u0000',
        '{}',
        ',',
        'id',
        '_id',
        'value',
        'prefix',
      ]
      for (const [n, name] of names.entries()) {
        const id = `record-${n}`
        await storage.save('jobs', id, { rev: 1, [name]: 'x', keep: 1 })
        const set = (value: unknown): PatchItem => ({ id, where: { [name]: 'x' }, set: { [name]: value } })
        const shown = JSON.stringify(name)
        check.equal(
          await patched(storage, { id, where: { [name]: undefined }, set: {} }),
          null,
          `the answer where ${shown} is missing`,
        )
        check.equal(
          await patched(storage, set({ n })),
          { rev: 2, [name]: { n }, keep: 1 },
          `a record whose ${shown} was set`,
        )
        await storage.save('jobs', id, { rev: 1, [name]: 'x', keep: 1 })
        check.equal(
          await patched(storage, set(undefined)),
          { rev: 2, keep: 1 },
          `a record whose ${shown} was taken away`,
        )
        const counted = { id, where: { [name]: undefined }, set: {}, count: name, revTo: 'to' }
        check.equal(
          await patched(storage, counted),
          { rev: 3, [name]: 1, to: 3, keep: 1 },
          `a record whose ${shown} was counted`,
        )
        const told = { id, where: { [name]: 1 }, set: {}, revTo: name }
        check.equal(
          await patched(storage, told),
          { rev: 4, [name]: 4, to: 3, keep: 1 },
          `a record whose ${shown} has the rev`,
        )
      }
    },
  },
  'patch-rejected': {
    rule: 'What breaks the rules of a patch rejects INVALID_ARGUMENT, and changes nothing: rev set or counted, a field named twice, a `where` of anything but a scalar.',
    why: 'Set by the caller, a rev repeats, and a stale write succeeds.',
    mistake: 'core exports checkPatch, which says all of it, and it is not called',
    async run({ storage, check }) {
      await storage.save('jobs', 'a', { rev: 1 })
      const bad: Record<string, object> = {
        'a rev that is set': { set: { rev: 9 } },
        'a rev that is counted': { count: 'rev' },
        'a field that is set and counted': { set: { n: 1 }, count: 'n' },
        'a field that is set and gets the rev': { set: { n: 1 }, revTo: 'n' },
        'a field that is counted and gets the rev': { count: 'n', revTo: 'n' },
        'a where of a list': { where: { n: [1] } },
        'a where of operators': { where: { n: { $gt: 1 } } },
        'a where of NaN': { where: { n: Number.NaN } },
        'an empty id': { id: '' },
      }
      for (const [what, part] of Object.entries(bad)) {
        const item = { id: 'a', where: {}, set: {}, ...part } as PatchItem
        await check.rejects(
          () => storage.patchMany!('jobs', [{ id: 'a', where: {}, set: { x: 1 } }, item]),
          'INVALID_ARGUMENT',
          what,
        )
      }
      check.equal(await storage.get('jobs', 'a'), { rev: 1 }, 'the record afterwards')
    },
  },
})
