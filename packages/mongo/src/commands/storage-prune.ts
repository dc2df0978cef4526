// Deletes one batch of records whose instant is before `beforeMs`. Repeating it deletes the next ones; the answer counts what this call did.
//
// Trips    2: their ids, then those of them that are still old
// Indexes  prune (namespace, instant), _id
import type { Executor } from '../connection.ts'
import type { RecordDocument } from './record-document.ts'

/** Resolves to how many were found old, and how many of those were deleted. */
export async function pruneRecords(
  executor: Executor,
  s: string,
  beforeMs: number,
  limit: number,
): Promise<{ readonly found: number; readonly deleted: number }> {
  const records = executor.collection<RecordDocument>('records')
  const old = await executor.run({ name: 'storage prune', repeatable: true }, () =>
    records
      .find(
        { '_id.s': s, p: { $lt: beforeMs } },
        { projection: { _id: 1 }, limit, batchSize: limit, ...executor.options },
      )
      .toArray(),
  )
  if (old.length === 0) return { found: 0, deleted: 0 }
  const { deletedCount } = await executor.run({ name: 'storage prune' }, () =>
    records.deleteMany({ _id: { $in: old.map(({ _id }) => _id) }, p: { $lt: beforeMs } }, executor.options),
  )
  return { found: old.length, deleted: deletedCount }
}
