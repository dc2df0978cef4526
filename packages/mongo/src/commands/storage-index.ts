// An index of one field of the records, for those that have it.
//
// Trips    1 a field
import type { MongoConnection } from '../connection.ts'
import { pathOf } from '../storage-query.ts'

export async function indexField(connection: MongoConnection, field: string): Promise<void> {
  const path = pathOf(field)
  await connection.run({ name: 'storage index', repeatable: true }, () =>
    connection
      .collection('records')
      .createIndex(
        { '_id.s': 1, [path]: 1, '_id.i': 1 },
        { name: `field ${field.slice(0, 60)}`, partialFilterExpression: { [path]: { $exists: true } } },
      ),
  )
}
