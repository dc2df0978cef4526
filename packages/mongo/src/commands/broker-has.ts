// Which of the ids are waiting, delayed or leased.
//
// Trips    1
// Indexes  _id
import type { MongoConnection } from '../connection.ts'
import type { EntryDocument, EntryId } from './entry-document.ts'

export async function findEntries(
  connection: MongoConnection,
  ids: readonly EntryId[],
): Promise<ReadonlySet<string>> {
  const found = await connection.run({ name: 'broker has', repeatable: true }, () =>
    connection
      .collection<EntryDocument>('entries')
      .find({ _id: { $in: [...ids] } }, { projection: { _id: 1 }, batchSize: ids.length + 1 })
      .toArray(),
  )
  return new Set(found.map(({ _id }) => _id.i))
}
