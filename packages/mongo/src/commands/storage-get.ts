// Trips    1
// Indexes  _id
import type { Executor } from '../connection.ts'
import { type RecordDocument, type RecordId, VALUE_ONLY } from './record-document.ts'

export async function getRecords(executor: Executor, ids: readonly RecordId[]): Promise<RecordDocument[]> {
  return await executor.run({ name: 'storage get', repeatable: true }, () =>
    executor
      .collection<RecordDocument>('records')
      .find(
        { _id: { $in: [...ids] } },
        { projection: VALUE_ONLY, batchSize: ids.length + 1, ...executor.options },
      )
      .toArray(),
  )
}
