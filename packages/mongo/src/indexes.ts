import { InvalidArgumentError } from '@sched/core/adapter'
import type { IndexDescription } from 'mongodb'
import type { CollectionName } from './collections.ts'
import type { MongoConnection } from './connection.ts'
import { codeOf } from './errors.ts'
import type { Indexes } from './index-list.ts'
import { JOB_INDEXES } from './job-indexes.ts'

/** Storage, broker, lock and wakes. Everything else is found by `_id`. */
export const ADAPTER_INDEXES: Indexes = {
  // what `prune` goes by
  records: [{ name: 'prune', key: { '_id.s': 1, p: 1 }, partialFilterExpression: { p: { $exists: true } } }],
  entries: [
    { name: 'by_priority', key: { '_id.q': 1, st: 1, p: 1, d: 1, s: 1 } },
    { name: 'by_due', key: { '_id.q': 1, st: 1, d: 1, s: 1 } },
    // when a delay or a lease ends
    { name: 'by_time', key: { '_id.q': 1, t: 1 } },
    // at most one live lease a slot: that is what holds `maxActive` over the cluster
    {
      name: 'slots',
      key: { '_id.q': 1, slot: 1 },
      unique: true,
      partialFilterExpression: { slot: { $exists: true } },
    },
  ],
  queues: [],
  locks: [{ name: 'forget', key: { x: 1 }, expireAfterSeconds: 0 }],
  // those from a user's transaction have an `x`, and what says that a process listens; the others are one a queue
  signals: [
    {
      name: 'forget',
      key: { x: 1 },
      expireAfterSeconds: 0,
      partialFilterExpression: { x: { $exists: true } },
    },
  ],
  meta: [],
}

/** An index of that name, or of those fields, is there and differs. */
const DIFFERS = new Set([85, 86])

/** Creates what is missing. Many processes may do it at once. Throws INVALID_ARGUMENT when an index that is there differs. */
export async function createIndexes(connection: MongoConnection): Promise<void> {
  const wanted = Object.entries({ ...ADAPTER_INDEXES, ...JOB_INDEXES }) as [
    CollectionName,
    readonly IndexDescription[],
  ][]
  await Promise.all(
    wanted.map(async ([name, indexes]) => {
      if (indexes.length === 0) return
      await connection.run({ name: 'create indexes', repeatable: true }, async () => {
        await connection
          .collection(name)
          .createIndexes([...indexes])
          .catch((error: unknown) => {
            if (!DIFFERS.has(codeOf(error))) throw error
            throw new InvalidArgumentError(
              `the collection ${connection.nameOf(name)} has an index that differs from the one needed; drop it, or choose another collectionPrefix`,
              { cause: error },
            )
          })
      })
    }),
  )
}
