// A name that stays as long as the data of the prefix do.
//
// Trips    1
// Indexes  _id
import { randomUUID } from 'node:crypto'
import { keyUnder } from '../collections.ts'
import type { MongoConnection } from '../connection.ts'
import { retryingDuplicates } from '../duplicates.ts'

export async function incarnationOf(connection: MongoConnection): Promise<string> {
  const id = keyUnder(connection.settings.prefix, 'incarnation')
  const found = await connection.run({ name: 'broker incarnation', repeatable: true }, () =>
    retryingDuplicates(() =>
      connection
        .collection<{ readonly _id: string; readonly v: string }>('meta')
        .findOneAndUpdate(
          { _id: id },
          { $setOnInsert: { v: randomUUID() } },
          { upsert: true, returnDocument: 'after' },
        ),
    ),
  )
  return found?.v as string
}
