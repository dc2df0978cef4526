// Sets the end of this consumer's live leases. One that has ended stays ended, even if nobody has claimed the id since.
//
// Trips    1; 2 when some item was refused or an answer was lost
// Indexes  _id
import type { MongoConnection } from '../connection.ts'
import { after, isAhead } from '../expressions.ts'
import { grouped } from '../grouped.ts'
import { type EntryDocument, type EntryId, LEASED } from './entry-document.ts'

export interface ExtendedEntry {
  readonly id: EntryId
  readonly token: string | undefined
}

export interface Extension {
  readonly consumer: string
  readonly leaseMs: number
  readonly callId: string
}

/** False per item whose lease is gone. */
export async function extendEntries(
  connection: MongoConnection,
  items: readonly ExtendedEntry[],
  { consumer, leaseMs, callId }: Extension,
): Promise<boolean[]> {
  const operations = [...grouped(items, ({ token }) => token)].map(([token, group]) => ({
    updateMany: {
      filter: {
        _id: { $in: group.map(({ id }) => id) },
        st: LEASED,
        c: { $eq: consumer },
        ...(token !== undefined && { r: { $eq: token } }),
        $expr: isAhead('t'),
      },
      update: [{ $set: { t: after(leaseMs), k: callId } }],
    },
  }))
  return await connection.run({ name: 'broker extend', repeatable: true }, async (mayBeApplied) => {
    const entries = connection.collection<EntryDocument>('entries')
    const { modifiedCount } = await entries.bulkWrite(operations as never, { ordered: false })
    if (modifiedCount === items.length && !mayBeApplied) return items.map(() => true)
    const own = await entries
      .find({ _id: { $in: items.map(({ id }) => id) }, k: callId }, { projection: { r: 1 } })
      .toArray()
    const tokens = new Map(own.map(({ _id, r }) => [_id.i, r]))
    return items.map(({ id, token }) => (token === undefined ? tokens.has(id.i) : tokens.get(id.i) === token))
  })
}
