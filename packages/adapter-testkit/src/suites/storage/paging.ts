import type { IStorageEngine } from '@sched/core/adapter'
import { type Case, suite } from '../../case.ts'
import { byBytes, numbered, type Row, saveRows } from './records.ts'

/** Walks all pages; `between` runs after each. */
async function walk(
  storage: IStorageEngine,
  limit: number,
  between: (seen: readonly string[]) => Promise<void> = async () => undefined,
  filter?: Record<string, unknown>,
): Promise<string[]> {
  const seen: string[] = []
  for (;;) {
    const after = seen.at(-1)
    const page = await storage.page!<Row>('jobs', filter, after === undefined ? { limit } : { limit, after })
    if (page.length === 0) return seen
    if (page.length > limit) throw new Error(`a page of ${page.length} records where ${limit} were asked for`)
    seen.push(...page.map((record) => record.id))
    if (seen.length > 100_000)
      throw new Error('the walk does not end: page does not go on after the id it was given')
    await between(seen)
  }
}

export const pagingCases: readonly Case[] = suite('storage', ['storage', 'storage.page'], {
  'cursor-complete': {
    rule: 'Walking pages by the last id seen gives every record exactly once, in order by bytes, with its value; a filter holds.',
    why: 'Reconciling and sweeping walk all jobs this way; one left out is never repaired.',
    mistake:
      'the comparison with `after` follows another order than the sort, or `after` is compared with >=',
    async run({ storage, check, random }) {
      const ids = [...numbered(60), 'a', 'B', 'z', '\uff5e', '😀', 'é', 'r', 'R00001'].sort(byBytes)
      await saveRows(
        storage,
        'jobs',
        random.shuffle(ids).map((id) => ({ id, odd: id.charCodeAt(id.length - 1) % 2 === 1 })),
      )
      for (const limit of [1, 7, 100])
        check.equal(await walk(storage, limit), ids, `ids seen with pages of ${limit}`)
      const odd = ids.filter((id) => id.charCodeAt(id.length - 1) % 2 === 1)
      check.equal(await walk(storage, 5, undefined, { odd: true }), odd, 'ids seen with a filter')
      const [record] = await storage.page!<Row>('jobs', { id: 'a' }, { limit: 1 })
      check.equal(record, { id: 'a', value: { id: 'a', odd: true } }, 'the record of a page')
    },
  },
  'cursor-under-insert': {
    rule: 'Records inserted during a walk shift nothing: what was there before is seen exactly once.',
    why: 'Jobs are enqueued all the time while the reconciler walks.',
    mistake: 'page is built on offset: an insert before the cursor shows the last record again',
    async run({ storage, check }) {
      const ids = numbered(30, 'm')
      await saveRows(
        storage,
        'jobs',
        ids.map((id) => ({ id })),
      )
      let n = 0
      const seen = await walk(storage, 4, async (sofar) => {
        if (n >= 8) return
        n++
        await storage.save('jobs', `a${n}`, { id: `a${n}` })
        await storage.save('jobs', `${sofar.at(-1)}-after`, { id: 'x' })
      })
      check.distinct(seen, 'ids seen in a walk with inserts before the cursor')
      check.equal(
        seen.filter((id) => /^m\d+$/.test(id)),
        ids,
        'the ids that were there from the start',
      )
      check.equal(seen, [...seen].sort(byBytes), 'the order of the walk')
    },
  },
  'cursor-under-delete': {
    rule: 'Records deleted during a walk hide no other: also when the cursor’s own record goes.',
    why: 'A sweep deletes what it walks over; with shifted pages it skips every second record.',
    mistake: 'page is built on offset, or looks up the record of `after` to go on from it',
    async run({ storage, check }) {
      const ids = numbered(30)
      await saveRows(
        storage,
        'jobs',
        ids.map((id) => ({ id })),
      )
      const seen = await walk(storage, 4, async (sofar) => {
        for (const id of sofar.slice(-4)) await storage.delete('jobs', id)
      })
      check.equal(seen, ids, 'the ids seen, each page deleted after it was read')
      check.equal(await storage.count('jobs'), 0, 'count after the walk')
    },
  },
})
