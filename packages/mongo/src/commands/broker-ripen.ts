// Makes everything ready whose delay or lease has ended. Repeating it is as good as once.
//
// Trips    1: update of many
// Indexes  by_time
import type { MongoConnection } from '../connection.ts'
import { type EntryDocument, overdueOf, READY } from './entry-document.ts'

export async function ripenEntries(connection: MongoConnection, q: string): Promise<void> {
  await connection.run({ name: 'broker claim', repeatable: true }, () =>
    connection
      .collection<EntryDocument>('entries')
      .updateMany(overdueOf(q), [{ $set: { st: READY } }, { $unset: ['t', 'c', 'r', 'slot'] }]),
  )
}
