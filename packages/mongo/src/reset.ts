import type { CollectionName } from './collections.ts'
import { rangeOf } from './collections.ts'
import type { MongoConnection } from './connection.ts'
import { deleteRange, type IdRange } from './delete-range.ts'

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
  await Promise.all(
    rangesUnder(connection.settings.prefix).map(([collection, range]) =>
      deleteRange(connection, range, { name: 'reset', collection }),
    ),
  )
}

/** Where all of that is. */
export function rangesUnder(prefix: string): readonly (readonly [CollectionName, IdRange])[] {
  const [from, below] = rangeOf(prefix)
  return IDS.map(([collection, field]) => [
    collection,
    field === undefined
      ? { from, end: { $lt: below } }
      : { from: { [field]: from }, end: { $lt: { [field]: below } } },
  ])
}
