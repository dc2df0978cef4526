// Gives leased ids back, due after a delay, with their priority; an immediate one goes behind its equals. With a receipt only while it
// proves the live lease. Ids that nobody has leased stay as they are. A call whose answer was lost finds what it gave back by its own id.
//
// Trips    1; 2 when some item was refused or an answer was lost
// Indexes  _id
import type { Document, Filter } from 'mongodb'
import type { MongoConnection } from '../connection.ts'
import { after, isAhead } from '../expressions.ts'
import { DELAYED, type EntryDocument, type EntryId, LEASED, READY } from './entry-document.ts'

export interface NackedEntry {
  readonly id: EntryId
  readonly delayMs: number
  readonly token: string | undefined
  /** Grows within the caller. */
  readonly seq: number
}

/** False per item whose lease is gone. */
export async function nackEntries(
  connection: MongoConnection,
  items: readonly NackedEntry[],
  callId: string,
): Promise<boolean[]> {
  const operations = items.map((item) => ({
    updateOne: {
      filter: { _id: item.id, st: { $eq: LEASED }, ...proof(item) } as Filter<EntryDocument>,
      update: givenBack(item, callId),
    },
  }))
  return await connection.run({ name: 'broker nack', repeatable: true }, async (mayBeApplied) => {
    const entries = connection.collection<EntryDocument>('entries')
    const { modifiedCount } = await entries.bulkWrite(operations, { ordered: false })
    if (modifiedCount === items.length && !mayBeApplied) return items.map(() => true)
    if (items.every(({ token }) => token === undefined)) return items.map(() => true)
    const own = await entries
      .find({ _id: { $in: items.map(({ id }) => id) }, k: callId }, { projection: { _id: 1 } })
      .toArray()
    const ownIds = new Set(own.map(({ _id }) => _id.i))
    return items.map(({ id, token }) => token === undefined || ownIds.has(id.i))
  })
}

function proof({ token }: NackedEntry): Document {
  return token === undefined ? {} : { r: { $eq: token }, $expr: isAhead('t') }
}

function givenBack({ delayMs, seq }: NackedEntry, callId: string): Document[] {
  const waits = delayMs > 0
  return [
    { $unset: ['t', 'c', 'r', 'slot'] },
    {
      $set: {
        st: waits ? DELAYED : READY,
        d: after(delayMs),
        s: seq,
        k: callId,
        ...(waits && { t: after(delayMs) }),
      },
    },
  ]
}
