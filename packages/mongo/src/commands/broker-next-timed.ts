// Which of some queues have a delay or a lease that has ended since the last look, and which has one that ends next. Pauses are left out: it
// is for a timer, and wakes are hints.
//
// Trips    1
// Indexes  by_time: what has ended since, and one key a queue
import type { MongoConnection } from '../connection.ts'
import { timedOf } from './entry-document.ts'

export interface Timed {
  readonly ended: readonly string[]
  readonly next: { readonly q: string; readonly inMs: number } | null
  /** The server's time of this look, for the next one; that of the last one when there was nothing to see. */
  readonly at: Date | undefined
}

interface Found {
  readonly q: string
  readonly inMs: number
  readonly at: Date
}

/** How far the first look goes back. */
const FIRST_MS = 1_000

export async function nextTimed(
  connection: MongoConnection,
  qs: readonly string[],
  since: Date | undefined,
): Promise<Timed> {
  const from = since ?? { $subtract: ['$$NOW', FIRST_MS] }
  const ended = { $and: [{ $gt: ['$t', from] }, { $lte: ['$t', '$$NOW'] }] }
  const found = await connection.run({ name: 'broker subscribe', repeatable: true }, () =>
    connection
      .collection('entries')
      .aggregate<Found>([
        { $match: { ...timedOf(qs), $expr: ended } },
        { $group: { _id: '$_id.q' } },
        { $project: { _id: 0, q: '$_id', inMs: { $literal: 0 }, at: '$$NOW' } },
        {
          $unionWith: {
            coll: connection.nameOf('entries'),
            pipeline: [
              { $match: { ...timedOf(qs), $expr: { $gt: ['$t', '$$NOW'] } } },
              { $sort: { t: 1 } },
              { $limit: 1 },
              { $project: { _id: 0, q: '$_id.q', inMs: { $subtract: ['$t', '$$NOW'] }, at: '$$NOW' } },
            ],
          },
        },
      ])
      .toArray(),
  )
  const next = found.find(({ inMs }) => inMs > 0)
  return {
    ended: found.filter(({ inMs }) => inMs <= 0).map(({ q }) => q),
    next: next === undefined ? null : { q: next.q, inMs: next.inMs },
    at: found[0]?.at ?? since,
  }
}
