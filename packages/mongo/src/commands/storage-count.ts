// Trips    1
// Indexes  _id (namespace, id); an index of the field where core named one (`index`)
import type { Document } from 'mongodb'
import type { Executor } from '../connection.ts'

export async function countRecords(executor: Executor, where: Document): Promise<number> {
  return await executor.run({ name: 'storage count', repeatable: true }, () =>
    executor.collection('records').countDocuments(where, executor.options),
  )
}
