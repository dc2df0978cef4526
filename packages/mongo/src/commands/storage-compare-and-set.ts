// Stores each value iff the record's `rev` is the expected one, or iff there is no record. One answer an item. A call whose answer was
// lost, or that was only applied in part, finds its own work by the call's id in the records.
//
// Trips    1 for records that are there, 1 for those that are not; 1 more when some item was refused or an answer was lost
// Indexes  _id
import { type AnyBulkWriteOperation, MongoBulkWriteError } from 'mongodb'
import type { Executor } from '../connection.ts'
import { isDuplicate } from '../duplicates.ts'
import type { RecordBody } from '../record-codec.ts'
import { inPieces, lengthOf, ownOf } from '../storage-own-values.ts'
import type { RecordDocument, RecordId } from './record-document.ts'

export interface ExpectedRecord {
  readonly id: RecordId
  /** Null: no record. */
  readonly expected: number | null
  readonly body: RecordBody
}

/** Ids are distinct. */
export async function compareAndSetRecords(
  executor: Executor,
  items: readonly ExpectedRecord[],
  callId: string,
): Promise<boolean[]> {
  const inserted = items.filter(({ expected }) => expected === null)
  const replaced = items.filter(({ expected }) => expected !== null)
  const insertion = executor.options.session === undefined ? insertOne : insertWithin
  const insertions = inserted.map((item) => insertion(item, callId))
  const replacements = [...inPieces(replaced, lengthOfItem)].map((piece) => replaceMany(piece, callId))
  const own = new Set([
    ...(await write(executor, inserted, insertions, callId)),
    ...(await write(executor, replaced, replacements, callId)),
  ])
  return items.map((item) => own.has(item))
}

/** Those that were stored. */
async function write(
  executor: Executor,
  items: readonly ExpectedRecord[],
  operations: readonly AnyBulkWriteOperation<RecordDocument>[],
  callId: string,
): Promise<readonly ExpectedRecord[]> {
  if (items.length === 0) return []
  return await executor.run({ name: 'storage compareAndSet', repeatable: true }, async (mayBeApplied) => {
    const records = executor.collection<RecordDocument>('records')
    const { insertedCount, upsertedCount, modifiedCount } = await records
      .bulkWrite([...operations], { ordered: false, ...executor.options })
      .catch((error: unknown) => {
        // what is there is not inserted
        if (error instanceof MongoBulkWriteError && isDuplicate(error)) return error
        throw error
      })
    const done = insertedCount + upsertedCount + modifiedCount
    if (!mayBeApplied && done === items.length) return items
    if (!mayBeApplied && done === 0) return []
    const own = await records
      .find(
        { _id: { $in: items.map(({ id }) => id) }, w: callId },
        { projection: { _id: 1 }, ...executor.options },
      )
      .toArray()
    const ownIds = new Set(own.map(({ _id }) => _id.i))
    return items.filter(({ id }) => ownIds.has(id.i))
  })
}

function insertOne({ id, body }: ExpectedRecord, callId: string) {
  return { insertOne: { document: { _id: id, ...body, w: callId } } }
}

/** A duplicate key would end the user's transaction. */
function insertWithin({ id, body }: ExpectedRecord, callId: string) {
  const update = { $setOnInsert: { ...body, w: callId } }
  return { updateOne: { filter: { _id: id }, update, upsert: true } }
}

/** One update of many costs the server a third of as many replacements. */
function replaceMany(items: readonly ExpectedRecord[], callId: string) {
  const ids = items.map(({ id }) => id)
  const bodies = items.map(({ body }) => ({ ...body, w: callId }))
  const expected = items.map((item) => item.expected)
  return {
    updateMany: {
      filter: { _id: { $in: ids }, $expr: { $eq: ['$r', ownOf(ids, expected)] } },
      update: [{ $replaceWith: { $mergeObjects: [{ _id: '$_id' }, ownOf(ids, bodies)] } }],
    },
  }
}

function lengthOfItem({ id, body }: ExpectedRecord): number {
  return id.i.length + lengthOf(body.f ?? {}) + (body.o?.length ?? 0)
}
