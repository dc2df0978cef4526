import type { CollectionName } from './collections.ts'
import { rangeOf } from './collections.ts'
import type { MongoConnection } from './connection.ts'

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
    IDS.map(([name, field]) => {
      const ids =
        field === undefined
          ? { $gte: from, $lt: below }
          : { $gte: { [field]: from }, $lt: { [field]: below } }
      return connection.run({ name: 'reset', repeatable: true }, () =>
        connection.collection<{ _id: unknown }>(name).deleteMany({ _id: ids as never }),
      )
    }),
  )
}
