// Resolves to how many existed.
//
// Trips    1
// Indexes  _id
import type { Executor } from '../connection.ts'
import type { RecordDocument, RecordId } from './record-document.ts'

export async function deleteRecords(executor: Executor, ids: readonly RecordId[]): Promise<number> {
  const records = executor.collection<RecordDocument>('records')
  const { deletedCount } = await executor.run({ name: 'storage delete' }, () =>
    // of one document the driver repeats it by itself, and the server recognises the repetition
    ids.length === 1
      ? records.deleteOne({ _id: ids[0] as RecordId }, executor.options)
      : records.deleteMany({ _id: { $in: [...ids] } }, executor.options),
  )
  return deletedCount
}
