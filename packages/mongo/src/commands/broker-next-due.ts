// When time alone makes something of a queue claimable: 0 when something is already; null when never, or while it is paused.
//
// Trips    1
// Indexes  by_priority, by_time, _id (paused)
import type { MongoConnection } from '../connection.ts'
import { readyOf, timedOf } from './entry-document.ts'

export async function nextDueIn(connection: MongoConnection, q: string): Promise<number | null> {
  const found = await connection.run({ name: 'broker nextDueIn', repeatable: true }, () =>
    connection
      .collection('entries')
      .aggregate([
        { $match: readyOf(q) },
        { $limit: 1 },
        { $project: { _id: 0, inMs: { $literal: 0 } } },
        {
          $unionWith: {
            coll: connection.nameOf('entries'),
            pipeline: [
              { $match: timedOf([q]) },
              { $sort: { t: 1 } },
              { $limit: 1 },
              { $project: { _id: 0, inMs: { $max: [0, { $subtract: ['$t', '$$NOW'] }] } } },
            ],
          },
        },
        {
          $unionWith: {
            coll: connection.nameOf('queues'),
            pipeline: [{ $match: { _id: q } }, { $project: { _id: 0, paused: { $literal: true } } }],
          },
        },
      ])
      .toArray(),
  )
  if (found.length === 0 || found.some(({ paused }) => paused === true)) return null
  return Math.min(...found.map(({ inMs }) => inMs as number))
}
