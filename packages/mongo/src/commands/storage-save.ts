// Replaces whole records, or inserts them. The last writer wins.
//
// Trips    1
// Indexes  _id
import type { Executor } from '../connection.ts'
import { retryingDuplicates } from '../duplicates.ts'
import type { RecordBody } from '../record-codec.ts'
import type { RecordDocument, RecordId } from './record-document.ts'

export async function saveRecords(
  executor: Executor,
  records: readonly { readonly id: RecordId; readonly body: RecordBody }[],
  callId: string,
): Promise<void> {
  const operations = records.map(({ id, body }) => ({
    replaceOne: { filter: { _id: id }, replacement: { ...body, w: callId }, upsert: true },
  }))
  await executor.run({ name: 'storage save' }, () =>
    retryingDuplicates(() =>
      executor
        .collection<RecordDocument>('records')
        .bulkWrite(operations, { ordered: false, ...executor.options }),
    ),
  )
}
