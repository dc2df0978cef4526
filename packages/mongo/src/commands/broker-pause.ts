// Pauses or resumes a queue, for good, and tells whether it is paused: it is while there is a document. Repeating it is as good as once.
//
// Trips    1
// Indexes  _id
import type { MongoConnection } from '../connection.ts'
import { retryingDuplicates } from '../duplicates.ts'

interface QueueDocument {
  readonly _id: string
  readonly at: Date
}

export async function pauseQueue(connection: MongoConnection, q: string): Promise<void> {
  await connection.run({ name: 'broker pause', repeatable: true }, () =>
    retryingDuplicates(() =>
      connection
        .collection<QueueDocument>('queues')
        .updateOne({ _id: q }, { $currentDate: { at: true } }, { upsert: true }),
    ),
  )
}

export async function resumeQueue(connection: MongoConnection, q: string): Promise<void> {
  await connection.run({ name: 'broker resume', repeatable: true }, () =>
    connection.collection<QueueDocument>('queues').deleteOne({ _id: q }),
  )
}

export async function isQueuePaused(connection: MongoConnection, q: string): Promise<boolean> {
  const found = await connection.run({ name: 'broker isPaused', repeatable: true }, () =>
    connection.collection<QueueDocument>('queues').findOne({ _id: q }),
  )
  return found !== null
}
