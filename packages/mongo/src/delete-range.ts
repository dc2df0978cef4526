/**
 * Deletes whole ranges of `_id`, however much is in them: page by page in the order of `_id`, so that no command takes long and each has its own
 * deadline. One way through: what others write behind it stays, as with a single command.
 */
import type { Document, Filter } from 'mongodb'
import type { CollectionName } from './collections.ts'
import type { Call, MongoConnection } from './connection.ts'

/** Most documents of one command: with all indexes of the jobs a few hundred milliseconds on a slow machine. */
export const PAGE = 2_000

export interface IdRange {
  readonly from: unknown
  /** Its upper end, as a condition on `_id`. */
  readonly end: { readonly $lt: unknown } | { readonly $lte: unknown }
}

export async function deleteRange(
  connection: MongoConnection,
  { from, end }: IdRange,
  { name, collection }: { readonly name: string; readonly collection: CollectionName },
): Promise<void> {
  const call: Call = { name, repeatable: true }
  for (let start = from; ; ) {
    const rest = within(start, end)
    const next = await connection.run(call, () =>
      connection
        .collection(collection)
        .findOne(rest, { projection: { _id: 1 }, sort: { _id: 1 }, skip: PAGE }),
    )
    const page = next === null ? rest : within(start, { $lt: next._id })
    await connection.run(call, () => connection.collection(collection).deleteMany(page))
    if (next === null) return
    start = next._id
  }
}

function within(from: unknown, end: IdRange['end']): Filter<Document> {
  return { _id: { $gte: from, ...end } } as Filter<Document>
}
