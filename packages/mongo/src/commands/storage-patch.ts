// Changes fields of records for which the condition holds, those that change alike by one update. A call whose answer was lost, or that was
// only applied in part, finds its own work by the call's id in the records.
//
// Trips    1; 2 when the records are read, some item was refused or an answer was lost
// Indexes  _id
import type { PatchOptions } from '@sched/core/adapter'
import type { Executor } from '../connection.ts'
import type { AlikePatches } from '../storage-patch.ts'
import { type RecordDocument, VALUE_ONLY } from './record-document.ts'

/** Ids are distinct. What was done, by id: true where `read` is not set, else the record. */
export async function patchRecords(
  executor: Executor,
  patches: readonly AlikePatches[],
  callId: string,
  { read, lasting }: Required<Pick<PatchOptions, 'read' | 'lasting'>>,
): Promise<ReadonlyMap<string, RecordDocument | true>> {
  const ids = patches.flatMap((alike) => alike.ids)
  const operations = patches.map((alike) => ({
    updateMany: {
      // a call that is sent again does not apply itself twice
      filter: { _id: { $in: [...alike.ids] }, w: { $ne: callId }, ...alike.condition },
      update: [...alike.stages, { $set: { w: callId } }],
    },
  }))
  // a user's transaction has a write concern of its own
  const quick = !lasting && executor.options.session === undefined
  const concern = quick ? { writeConcern: { w: 1 } } : {}
  return await executor.run({ name: 'storage patch', repeatable: true }, async (mayBeApplied) => {
    const records = executor.collection<RecordDocument>('records')
    const { modifiedCount } = await records.bulkWrite(operations, {
      ordered: false,
      ...concern,
      ...executor.options,
    })
    if (modifiedCount === 0 && !mayBeApplied) return new Map()
    const all = modifiedCount === ids.length && !mayBeApplied
    if (all && !read) return new Map(ids.map(({ i }) => [i, true]))
    const own = await records
      .find(
        { _id: { $in: ids }, w: callId },
        {
          projection: read ? VALUE_ONLY : { _id: 1 as const },
          batchSize: ids.length + 1,
          ...executor.options,
        },
      )
      .toArray()
    return new Map(own.map((record) => [record._id.i, read ? record : true]))
  })
}
