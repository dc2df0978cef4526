import { type Case, type Context, suite } from '../../case.ts'
import { idsOf, numbered, type Row, saveRows } from './records.ts'

const T = Date.UTC(2024, 5, 1)

async function pruned(
  context: Context,
  rows: readonly Row[],
  expected: readonly string[],
  what: string,
): Promise<void> {
  const { storage, check } = context
  await saveRows(storage, 'jobs', rows)
  const answer = await storage.prune('jobs', T)
  check.equal(
    idsOf(await storage.list<Row>('jobs')),
    [...expected].sort(),
    `the ids that stay after prune: ${what}`,
  )
  check.equal(answer, rows.length - expected.length, `the number prune resolves to: ${what}`)
}

export const pruningCases: readonly Case[] = suite('storage', ['storage'], {
  'prune-strict': {
    rule: 'prune deletes records whose finishedAt is before the instant, strictly: one that is equal stays. Date and number alike.',
    why: 'A job kept "for one hour" must be there for the whole hour.',
    mistake: '<= instead of <, or only one of Date and epoch number is understood',
    async run(context) {
      await pruned(
        context,
        [
          { id: 'date-before', finishedAt: new Date(T - 1), createdAt: new Date(1) },
          { id: 'date-equal', finishedAt: new Date(T), createdAt: new Date(1) },
          { id: 'date-after', finishedAt: new Date(T + 1), createdAt: new Date(1) },
          { id: 'number-before', finishedAt: T - 1, createdAt: 1 },
          { id: 'number-equal', finishedAt: T, createdAt: 1 },
          { id: 'number-after', finishedAt: T + 1, createdAt: 1 },
          { id: 'epoch', finishedAt: 0 },
        ],
        ['date-equal', 'date-after', 'number-equal', 'number-after'],
        'by finishedAt',
      )
    },
  },
  'prune-terminal-only': {
    rule: 'A record whose finishedAt is null is unfinished: it stays, however old its createdAt.',
    why: 'A job that waits for its day in a month would be deleted before it ran.',
    mistake: 'COALESCE(finishedAt, createdAt): null falls through to createdAt',
    async run(context) {
      await pruned(
        context,
        [
          { id: 'open', finishedAt: null, createdAt: new Date(1) },
          { id: 'open-number', finishedAt: null, createdAt: 1 },
          { id: 'done', finishedAt: new Date(T - 5), createdAt: new Date(1) },
        ],
        ['open', 'open-number'],
        'unfinished ones among finished',
      )
    },
  },
  'prune-created-at': {
    rule: 'A record without a finishedAt field goes by createdAt, as strictly.',
    why: 'Records that never finish (logs, marks) are cleaned up by their age.',
    mistake: 'only finishedAt is looked at, or createdAt wins where both are there',
    async run(context) {
      await pruned(
        context,
        [
          { id: 'old', createdAt: new Date(T - 1) },
          { id: 'old-number', createdAt: T - 1 },
          { id: 'equal', createdAt: T },
          { id: 'new', createdAt: new Date(T + 1) },
          { id: 'finished-late', createdAt: 1, finishedAt: T + 1 },
        ],
        ['equal', 'new', 'finished-late'],
        'by createdAt',
      )
    },
  },
  'prune-missing-field-kept': {
    rule: 'A record with neither field, or whose deciding value is no Date or number, stays.',
    why: 'Settings and schedules live beside the jobs and have no age.',
    mistake: 'a missing value counts as 0, or text is parsed as a date',
    async run(context) {
      await pruned(
        context,
        [
          { id: 'neither', n: 1 },
          { id: 'text', finishedAt: '2001-01-01T00:00:00.000Z', createdAt: 1 },
          { id: 'text-created', createdAt: '2001-01-01' },
          { id: 'digits', finishedAt: '5' },
          { id: 'bool', finishedAt: false, createdAt: 1 },
          { id: 'object', finishedAt: { at: 1 }, createdAt: 1 },
          { id: 'null-created', createdAt: null },
          { id: 'nested', info: { finishedAt: 1, createdAt: 1 } },
          { id: 'goes', createdAt: 1 },
        ],
        ['neither', 'text', 'text-created', 'digits', 'bool', 'object', 'null-created', 'nested'],
        'what has no age',
      )
    },
  },
  'prune-count': {
    rule: 'prune resolves to the number of records it deleted, 0 when there was nothing to do.',
    why: 'Core calls again while something was deleted; a wrong number ends too early or never.',
    mistake: 'the driver’s answer is not the number of rows, or counts every batch but the last',
    async run({ storage, check }) {
      await saveRows(
        storage,
        'jobs',
        numbered(7).map((id, n) => ({ id, finishedAt: n < 4 ? n : T + n })),
      )
      await storage.save('other', 'x', { finishedAt: 1 })
      check.equal(await storage.prune('jobs', T), 4, 'what the first prune resolves to')
      check.equal(await storage.prune('jobs', T), 0, 'what a second prune resolves to')
      check.equal(await storage.count('other'), 1, 'count of another namespace')
    },
  },
  'prune-bounded': {
    rule: 'One call prunes everything that is old enough, in bounded batches, however much it is, while others write.',
    why: 'A million finished jobs must go without one long lock, and without leaving the rest for ever.',
    mistake: 'only the first batch is deleted, or one statement deletes all and blocks writers meanwhile',
    timeoutMs: 60_000,
    async run({ storage, check, has }) {
      const rows = numbered(1_320).map(
        (id, n): Row => ({ id, finishedAt: n % 12 === 0 ? null : T - n - 1, createdAt: 1 }),
      )
      if (has('storage.saveMany'))
        for (let at = 0; at < rows.length; at += 500)
          await storage.saveMany!(
            'jobs',
            rows.slice(at, at + 500).map((row) => ({ id: row.id, value: row })),
          )
      else await saveRows(storage, 'jobs', rows)
      const pruning = storage.prune('jobs', T)
      await storage.save('jobs', 'late', { id: 'late', finishedAt: null })
      check.equal(await pruning, 1_210, 'what prune of 1,210 old records resolves to')
      check.equal(await storage.count('jobs'), 111, 'count afterwards')
    },
  },
})

export const countingCases: readonly Case[] = suite('storage', ['storage'], {
  'count-equals-list': {
    rule: 'count with a filter is the length of list with that filter, when nothing else writes.',
    why: 'Dashboards and drains decide by the count; two answers to one question make both useless.',
    mistake: 'count and list build their conditions in two places, and one knows fewer operators',
    async run({ storage, check, random }) {
      const value = (): unknown =>
        random.pick<unknown>([0, 1, 2, 'x', 'y', null, true, new Date(5), [1], { p: 1 }])
      const rows = numbered(60).map(
        (id): Row => (random.bool(0.8) ? { id, v: value(), n: random.int(0, 5) } : { id }),
      )
      await saveRows(storage, 'jobs', rows)
      const filters = [
        {},
        ...[0, 1, 'x', null, true, new Date(5), [1], { p: 1 }].flatMap((v) => [
          { v },
          { v: { $ne: v } },
          { v: { $in: [v, 'y'] } },
        ]),
        { n: { $gt: 2 } },
        { n: { $gte: 1, $lt: 4 }, v: { $ne: 'x' } },
        { v: { $lte: 'x' } },
        { v: { $gte: new Date(1) } },
      ]
      for (const filter of filters) {
        const listed = await storage.list('jobs', filter)
        check.equal(
          await storage.count('jobs', filter),
          listed.length,
          `count by ${JSON.stringify(filter)} against list`,
        )
      }
      check.equal(
        (await storage.list('jobs', { v: 'x' })).length,
        rows.filter((row) => row.v === 'x').length,
        'records with v = "x"',
      )
    },
  },
  'count-filter': {
    rule: 'count counts what matches its filter, all without one, only in its namespace.',
    why: 'A queue’s length is a count by type and state.',
    mistake: 'the filter is ignored, or the count is of the whole table',
    async run({ storage, check }) {
      await saveRows(
        storage,
        'jobs',
        numbered(9).map((id, n) => ({ id, state: n < 4 ? 'a' : 'b', n })),
      )
      await saveRows(
        storage,
        'more',
        numbered(3).map((id) => ({ id, state: 'a' })),
      )
      check.equal(await storage.count('jobs'), 9, 'count without a filter')
      check.equal(await storage.count('jobs', { state: 'a' }), 4, 'count by a value')
      check.equal(await storage.count('jobs', { state: 'b', n: { $gt: 6 } }), 2, 'count by two conditions')
      check.equal(await storage.count('jobs', { state: 'none' }), 0, 'count by a value nobody has')
    },
  },
  'count-after-prune': {
    rule: 'After prune and delete, count and list agree on what is left.',
    why: 'A counter kept apart from the records drifts, and then the dashboard lies for ever.',
    mistake: 'a stored counter is not lowered by prune, or index entries of pruned records stay',
    async run({ storage, check }) {
      await saveRows(
        storage,
        'jobs',
        numbered(10).map((id, n) => ({ id, kind: 'x', finishedAt: n < 6 ? n : null })),
      )
      await storage.prune('jobs', T)
      await storage.delete('jobs', numbered(10)[9]!)
      check.equal(await storage.count('jobs'), 3, 'count after prune and delete')
      check.equal(await storage.count('jobs', { kind: 'x' }), 3, 'count with a filter after prune and delete')
      check.equal(
        (await storage.list('jobs', { kind: 'x' })).length,
        3,
        'the length of list after prune and delete',
      )
    },
  },
})
