import type { CollectionName } from './collections.ts'
import { rangeOf } from './collections.ts'
import type { MongoConnection } from './connection.ts'
import { deleteRange } from './delete-range.ts'

/** How the keys of a prefix lie in each collection: in `_id`, or in the first field of it. */
const IDS: readonly (readonly [CollectionName, 's' | 'q' | undefined])[] = [
  ['records', 's'],
  ['entries', 'q'],
  ['queues', undefined],
  ['locks', undefined],
  ['signals', undefined],
  ['meta', undefined],
]

/** Deletes everything of storage, broker and lock under the prefix. Nothing of another prefix is touched. */
export async function resetPrefix(connection: MongoConnection): Promise<void> {
  const [from, below] = rangeOf(connection.settings.prefix)
  await Promise.all(
    IDS.map(([collection, field]) => {
      const range =
        field === undefined
          ? { from, end: { $lt: below } }
          : { from: { [field]: from }, end: { $lt: { [field]: below } } }
      return deleteRange(connection, range, { name: 'reset', collection })
    }),
  )
}
