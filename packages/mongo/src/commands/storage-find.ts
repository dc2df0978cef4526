// The matching records, in id order or by a field.
//
// Trips    1 for up to 1,000 records, then one for every 16 MiB
// Indexes  _id (namespace, id); an index of the field where core named one (`index`)
import type { Document } from 'mongodb'
import type { Executor } from '../connection.ts'
import { type RecordDocument, VALUE_ONLY } from './record-document.ts'

const BATCH = 1_000

export interface FindOptions {
  readonly limit?: number | undefined
  readonly offset?: number | undefined
  /** Sorting stages; without them by id. */
  readonly order?: readonly Document[] | undefined
}

export async function findRecords(
  executor: Executor,
  where: Document,
  { limit, offset, order }: FindOptions,
): Promise<RecordDocument[]> {
  const pipeline: Document[] = [
    { $match: where },
    ...(order ?? [{ $sort: { _id: 1 } }]),
    ...(offset !== undefined && offset > 0 ? [{ $skip: offset }] : []),
    ...(limit === undefined ? [] : [{ $limit: limit }]),
    { $project: VALUE_ONLY },
  ]
  return await executor.run({ name: 'storage list', repeatable: true }, () =>
    executor
      .collection<RecordDocument>('records')
      .aggregate<RecordDocument>(pipeline, { batchSize: BATCH, allowDiskUse: true, ...executor.options })
      .toArray(),
  )
}
