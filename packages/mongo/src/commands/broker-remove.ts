// Removes an id whatever its state. Whether it was there.
//
// Trips    1
// Indexes  _id
import type { MongoConnection } from '../connection.ts'
import type { EntryDocument, EntryId } from './entry-document.ts'

export async function removeEntry(connection: MongoConnection, id: EntryId): Promise<boolean> {
  const { deletedCount } = await connection.run({ name: 'broker remove' }, () =>
    connection.collection<EntryDocument>('entries').deleteOne({ _id: id }),
  )
  return deletedCount === 1
}
