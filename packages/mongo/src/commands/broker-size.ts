// How many ids of a queue are in each state as of now.
//
// Trips    1
// Indexes  by_time, over the whole queue
import type { QueueSize } from '@sched/core/adapter'
import type { MongoConnection } from '../connection.ts'
import { isAhead } from '../expressions.ts'
import { DELAYED, LEASED } from './entry-document.ts'

export async function countEntries(connection: MongoConnection, q: string): Promise<QueueSize> {
  const still = (state: number) => ({ $cond: [{ $and: [{ $eq: ['$st', state] }, isAhead('t')] }, 1, 0] })
  const [counts] = await connection.run({ name: 'broker size', repeatable: true }, () =>
    connection
      .collection('entries')
      .aggregate([
        { $match: { '_id.q': q } },
        {
          $group: {
            _id: null,
            all: { $sum: 1 },
            delayed: { $sum: still(DELAYED) },
            leased: { $sum: still(LEASED) },
          },
        },
      ])
      .toArray(),
  )
  const { all = 0, delayed = 0, leased = 0 } = (counts ?? {}) as Record<string, number>
  return { waiting: all - delayed - leased, delayed, leased }
}
